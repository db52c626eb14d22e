"""Joint computations without a result: why, and what is left at the nodes."""

from __future__ import annotations

import asyncio
import pickle
import ssl
import threading
import time
from typing import Any

import httpx
import pytest

from cloister import (
    AlienAnswer,
    AsyncConsortium,
    ComputationFailed,
    ComputationRefused,
    ComputationTimedOut,
    ComputationUnreachable,
    Consortium,
    Disagreement,
    InvalidRequest,
    NotAwaited,
    PeerFailed,
    Progress,
    Refused,
    Unreachable,
)
from tests.fake import Fake, error, interrupted_when

NUMBERS = {"clinic-a": [1, 2], "clinic-b": [3], "clinic-c": [4.5]}


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloister._joint._AFTER_FAILURE_SECONDS", 0.3)
    monkeypatch.setattr("cloister._joint._SECOND_LOOK_SECONDS", 0.02)
    monkeypatch.setattr("cloister._progress._PAUSE_SECONDS", 0.02)


def test_a_refusal_is_raised_with_what_the_node_says(consortium: Consortium, fake: Fake) -> None:
    fake.nodes["clinic-b"].refusal = error(
        403, "refused_by_policy", "not this function", hint="ask its owner"
    )
    with pytest.raises(ComputationRefused) as caught:
        consortium.compute("SecureSum", data=NUMBERS)
    failure = caught.value
    assert isinstance(failure, Refused)
    assert failure.code == "refused_by_policy"
    assert failure.party == "clinic-b"
    assert failure.hint == "ask its owner"
    assert failure.trace == "7ace" * 8
    assert failure.status == 403
    assert set(failure.errors) == set(fake.nodes), "the others were cancelled"
    assert failure.errors["clinic-a"].code == "cancelled"
    assert "clinic-b: not this function (refused_by_policy)" in str(failure)
    assert "hint: ask its owner" in str(failure)


def test_a_failure_cancels_at_all_other_nodes(consortium: Consortium, fake: Fake) -> None:
    async def refuse_late(request: httpx.Request) -> tuple[int, Any] | None:
        if request.method == "PATCH":
            await fake.until_begun("clinic-a", "clinic-c")
            return error(422, "bad_input", "no number")
        return None

    fake.nodes["clinic-b"].fault = refuse_late
    with pytest.raises(ComputationFailed) as caught:
        consortium.compute("SecureSum", data=NUMBERS)
    assert isinstance(caught.value.reason, InvalidRequest)
    assert states(fake) == {"clinic-a": ["cancelled"], "clinic-b": [], "clinic-c": ["cancelled"]}


def test_a_node_that_cannot_be_reached_is_named(consortium: Consortium, fake: Fake) -> None:
    fake.nodes["clinic-c"].reachable = False
    with pytest.raises(ComputationUnreachable, match="connection refused") as caught:
        consortium.compute("SecureSum", data=NUMBERS)
    assert isinstance(caught.value, Unreachable)
    assert caught.value.party == "clinic-c"
    assert nothing_runs(fake)


async def unknown_token(_: httpx.Request) -> tuple[int, Any] | None:
    return error(401, "token_unknown", "the token is unknown", hint="ask for another")


async def no_line(request: httpx.Request) -> tuple[int, Any] | None:
    raise httpx.ConnectError("connection refused", request=request)


async def black_hole(request: httpx.Request) -> tuple[int, Any] | None:
    if request.url.path.startswith("/v1"):
        await asyncio.Event().wait()
    raise httpx.ConnectTimeout("", request=request)


async def other_program(_: httpx.Request) -> tuple[int, Any] | None:
    return 200, {"hello": "world"}


async def wrong_certificate(request: httpx.Request) -> tuple[int, Any] | None:
    cause = ssl.SSLCertVerificationError("it shows another certificate")
    raise httpx.ConnectError("", request=request) from cause


async def no_place(_: httpx.Request) -> tuple[int, Any] | None:
    return error(503, "too_many_computations", "too much to do")


FAULTS = {
    "token_unknown": unknown_token,
    "unreachable": no_line,
    "unreachable, in silence": black_hole,
    "alien_answer": other_program,
    "untrusted_certificate": wrong_certificate,
    "too_many_computations": no_place,
}


@pytest.mark.parametrize("when", ["before it begins", "once the others have begun"])
@pytest.mark.parametrize("code", FAULTS)
def test_every_failure_of_one_party_ends_the_others_at_once(
    consortium: Consortium, fake: Fake, monkeypatch: pytest.MonkeyPatch, code: str, when: str
) -> None:
    # A moment for the others would never end here; each would wait for the one for ever.
    monkeypatch.setattr("cloister._joint._AFTER_FAILURE_SECONDS", 3600.0)
    begun = asyncio.Event()

    async def fail(request: httpx.Request) -> tuple[int, Any] | None:
        if when != "before it begins" and not begun.is_set():
            if request.method != "PATCH":
                return None
            await fake.until_begun("clinic-a", "clinic-c")
            begun.set()
        return await FAULTS[code](request)

    fake.nodes["clinic-b"].fault = fail
    if code == "unreachable, in silence" and when != "before it begins":
        # What the one runs is not known, and it is asked until the time is over.
        monkeypatch.setattr("cloister._joint._AFTER_FAILURE_SECONDS", 0.3)
    with pytest.raises(ComputationFailed) as caught:
        consortium.compute("SecureSum", data=NUMBERS)
    failure = caught.value
    assert failure.code == code.partition(",")[0]
    assert failure.party == "clinic-b"
    assert next(iter(failure.errors)) == "clinic-b", "the cause comes first"
    assert str(failure).splitlines()[1].startswith("  clinic-b: ")
    assert nothing_runs(fake)
    if when != "before it begins":
        assert states(fake)["clinic-a"] == states(fake)["clinic-c"] == ["cancelled"]


def test_what_several_parties_say_is_said_once() -> None:
    unknown = InvalidRequest("no such function", code="no_such_function", hint="there are: SecureSum")
    declined = PeerFailed("declined", code="declined", party="clinic-b")
    errors = {"clinic-a": declined, "clinic-b": unknown, "clinic-c": unknown}
    assert str(ComputationFailed("there is no joint result", errors=errors)).splitlines() == [
        "there is no joint result",
        "  clinic-b, clinic-c: no such function (no_such_function)",
        "    hint: there are: SecureSum",
        "  clinic-a: declined (declined)",
    ]


def test_no_party_begins_once_another_has_failed(consortium: Consortium, fake: Fake) -> None:
    failed = threading.Event()

    async def refuse(_: httpx.Request) -> tuple[int, Any] | None:
        failed.set()
        return error(403, "refused_by_policy", "no")

    async def wait(_: httpx.Request) -> tuple[int, Any] | None:
        while not failed.is_set():
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.02)
        return None

    fake.nodes["clinic-b"].fault = refuse
    fake.nodes["clinic-a"].fault = fake.nodes["clinic-c"].fault = wait
    with pytest.raises(ComputationRefused) as caught:
        consortium.compute("SecureSum", data=NUMBERS)
    assert states(fake) == {"clinic-a": [], "clinic-b": [], "clinic-c": []}
    assert isinstance(caught.value.errors["clinic-a"], NotAwaited)


def test_a_call_that_is_still_on_its_way_is_cancelled_when_it_arrives(
    consortium: Consortium, fake: Fake
) -> None:
    looked = 0

    async def arrive_late(request: httpx.Request) -> tuple[int, Any] | None:
        nonlocal looked
        if request.url.path.startswith("/v1"):
            looked += 1
        while request.method == "PATCH" and looked < 4:
            await asyncio.sleep(0.005)
        return None

    async def refuse_late(request: httpx.Request) -> tuple[int, Any] | None:
        if request.method == "PATCH":
            while not fake.paths("clinic-a", "PATCH"):
                await asyncio.sleep(0.005)
            return error(403, "refused_by_policy", "no")
        return None

    fake.nodes["clinic-a"].fault = arrive_late
    fake.nodes["clinic-b"].fault = refuse_late
    with pytest.raises(ComputationRefused):
        consortium.compute("SecureSum", data=NUMBERS)
    assert states(fake)["clinic-a"] == ["cancelled"]
    assert nothing_runs(fake)


def test_a_call_that_arrives_although_its_line_was_closed_is_cancelled(
    consortium: Consortium, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloister._joint._AFTER_FAILURE_SECONDS", 0.1)

    async def arrive_when_closed(request: httpx.Request) -> tuple[int, Any] | None:
        if request.method == "PATCH":
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                fake.nodes["clinic-a"].runs["monday"] = "running"
                raise
        return None

    async def refuse_late(request: httpx.Request) -> tuple[int, Any] | None:
        if request.method == "PATCH":
            await fake.until_begun("clinic-c")
            while not fake.paths("clinic-a", "PATCH"):
                await asyncio.sleep(0.005)
            return error(403, "refused_by_policy", "no")
        return None

    fake.nodes["clinic-a"].fault = arrive_when_closed
    fake.nodes["clinic-b"].fault = refuse_late
    with pytest.raises(ComputationRefused) as caught:
        consortium.compute("SecureSum", data=NUMBERS, network="monday")
    assert isinstance(caught.value.errors["clinic-a"], NotAwaited)
    assert states(fake)["clinic-a"] == ["cancelled"]


def test_a_failure_that_follows_from_another_waits_for_its_cause(
    consortium: Consortium, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloister._joint._AFTER_FAILURE_SECONDS", 3600.0)

    async def give_the_reason(request: httpx.Request) -> tuple[int, Any] | None:
        if request.method != "PATCH":
            return None
        while not fake.paths("clinic-a", "PATCH"):
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        return error(403, "refused_by_disclosure_rules", "no")

    fake.nodes["clinic-a"].refusal = error(409, "declined", "declined", party="clinic-c")
    fake.nodes["clinic-c"].fault = give_the_reason
    with pytest.raises(ComputationRefused) as caught:
        consortium.compute("SecureSum", data=NUMBERS)
    assert next(iter(caught.value.errors)) == "clinic-c"
    assert caught.value.code == "refused_by_disclosure_rules"
    assert nothing_runs(fake)


def test_nodes_without_the_new_api_are_not_awaited_for_ever(consortium: Consortium, fake: Fake) -> None:
    for node in fake.nodes.values():
        node.has_v1 = False
    fake.nodes["clinic-a"].refusal = error(403, "refused_by_policy", "no")
    with pytest.raises(ComputationRefused) as caught:
        consortium.compute("SecureSum", data=NUMBERS)
    assert isinstance(caught.value.errors["clinic-b"], NotAwaited)


def test_the_peers_of_a_party_that_fails_are_not_the_reason(consortium: Consortium, fake: Fake) -> None:
    fake.nodes["clinic-a"].refusal = error(502, "peer_lost", "lost", party="clinic-b")
    fake.nodes["clinic-b"].refusal = error(503, "too_many_computations", "busy")
    fake.nodes["clinic-c"].refusal = error(409, "declined", "declined", party="clinic-b")
    with pytest.raises(ComputationFailed) as caught:
        consortium.compute("SecureSum", data=NUMBERS)
    assert caught.value.code == "too_many_computations"
    assert isinstance(caught.value.errors["clinic-a"], PeerFailed)


@pytest.mark.parametrize(
    "change",
    [
        lambda report: report["result"].update(sum=11),
        lambda report: report.update(session="50" * 32),
        lambda report: report.update(inputs=2),
        lambda report: report["disclosure"]["rules"].update(min_rows=1),
    ],
)
def test_what_parties_report_differently_is_not_believed(
    consortium: Consortium, fake: Fake, change: Any
) -> None:
    fake.nodes["clinic-b"].changes = change
    with pytest.raises(Disagreement, match="clinic-a and clinic-b report different") as caught:
        consortium.compute("SecureSum", data=NUMBERS)
    assert set(caught.value.reports) == set(fake.nodes)


def test_what_is_no_report_is_not_believed(consortium: Consortium, fake: Fake) -> None:
    fake.nodes["clinic-b"].changes = lambda report: report.pop("security")
    with pytest.raises(ComputationFailed, match="the report has no `security`") as caught:
        consortium.compute("SecureSum", data=NUMBERS)
    assert isinstance(caught.value.reason, AlienAnswer)


def test_what_is_no_node_is_told(fake: Fake) -> None:
    page = httpx.MockTransport(lambda _: httpx.Response(200, text="<html>"))
    consortium = Consortium(fake.members(), transport=page)
    with pytest.raises(AlienAnswer, match="does not answer as a cloister node does"):
        consortium.functions()


def test_the_end_of_the_time_cancels_everywhere(consortium: Consortium, fake: Fake) -> None:
    fake.nodes["clinic-b"].hangs = True
    with pytest.raises(ComputationTimedOut, match="within 3 s") as caught:
        consortium.compute("SecureSum", data=NUMBERS, timeout=3)
    assert isinstance(caught.value, TimeoutError)
    assert set(caught.value.errors) == set(fake.nodes)
    assert all_cancelled(fake)


def test_an_interrupt_cancels_everywhere(consortium: Consortium, fake: Fake) -> None:
    fake.nodes["clinic-b"].hangs = True
    with interrupted_when(lambda: all_running(fake)):
        consortium.compute("SecureSum", data=NUMBERS)
    assert all_cancelled(fake)


def test_the_cancellation_of_a_task_cancels_everywhere(in_asyncio: AsyncConsortium, fake: Fake) -> None:
    fake.nodes["clinic-b"].hangs = True

    async def main() -> None:
        task = asyncio.create_task(in_asyncio.compute("SecureSum", data=NUMBERS))
        while not all_running(fake):
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert all_cancelled(fake)


def test_an_error_in_the_callers_own_function_cancels_everywhere(
    consortium: Consortium, fake: Fake
) -> None:
    fake.nodes["clinic-b"].hangs = True

    def fail(progress: Progress) -> None:
        if progress.state == "agreeing":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        consortium.compute("SecureSum", data=NUMBERS, progress=fail)
    assert all_cancelled(fake)


def test_the_same_in_asyncio(in_asyncio: AsyncConsortium, fake: Fake) -> None:
    fake.nodes["clinic-b"].hangs = True

    def fail(progress: Progress) -> None:
        if progress.state == "agreeing":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(in_asyncio.compute("SecureSum", data=NUMBERS, progress=fail))
    assert all_cancelled(fake)


def test_a_computation_is_cancelled_by_its_name(consortium: Consortium, fake: Fake) -> None:
    fake.nodes["clinic-b"].hangs = True
    failures: list[ComputationFailed] = []

    def compute() -> None:
        try:
            consortium.compute("SecureSum", data=NUMBERS, network="monday")
        except ComputationFailed as failure:
            failures.append(failure)

    thread = threading.Thread(target=compute)
    thread.start()
    wait_until_running(fake)
    assert {one.party for one in consortium.computations(network="monday")} == set(fake.nodes)
    assert any(consortium.cancel("monday").values())
    thread.join()
    [failure] = failures
    assert failure.code == "cancelled"
    assert failure.network == "monday"
    assert consortium.computations() == ()
    assert not any(consortium.cancel("monday").values())


def test_errors_can_be_pickled(consortium: Consortium, fake: Fake) -> None:
    fake.nodes["clinic-b"].refusal = error(403, "refused_by_policy", "no")
    with pytest.raises(ComputationRefused) as caught:
        consortium.compute("SecureSum", data=NUMBERS)
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert str(copy) == str(caught.value)
    assert copy.code == caught.value.code
    assert set(copy.errors) == set(caught.value.errors)


def nothing_runs(fake: Fake) -> bool:
    return not any("running" in node.runs.values() for node in fake.nodes.values())


def states(fake: Fake) -> dict[str, list[str]]:
    return {name: list(node.runs.values()) for name, node in fake.nodes.items()}


def all_running(fake: Fake) -> bool:
    return all(node_states == ["running"] for node_states in states(fake).values())


def all_cancelled(fake: Fake) -> bool:
    return all(node_states == ["cancelled"] for node_states in states(fake).values())


def wait_until_running(fake: Fake) -> None:
    while not all_running(fake):
        time.sleep(0.005)
