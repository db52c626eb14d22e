"""Joint computations without a result: why, and what is left at the nodes."""

from __future__ import annotations

import asyncio
import pickle
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
    fake.nodes["clinic-b"].refusal = error(422, "bad_input", "no number")
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
    assert states(fake)["clinic-a"] == ["cancelled"]


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


def states(fake: Fake) -> dict[str, list[str]]:
    return {name: list(node.runs.values()) for name, node in fake.nodes.items()}


def all_running(fake: Fake) -> bool:
    return all(node_states == ["running"] for node_states in states(fake).values())


def all_cancelled(fake: Fake) -> bool:
    return all(node_states == ["cancelled"] for node_states in states(fake).values())


def wait_until_running(fake: Fake) -> None:
    while not all_running(fake):
        time.sleep(0.005)
