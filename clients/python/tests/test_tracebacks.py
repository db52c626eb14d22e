"""Errors that come through the thread of `Consortium`: their traceback is the caller's."""

from __future__ import annotations

import asyncio
import pickle
import traceback
from collections.abc import Callable

import httpx
import pytest

from cloister import CloisterError, ComputationRefused, Consortium, Refused, Unreachable
from cloister._blocking import run
from cloister._progress import Progress
from tests.fake import Fake, error

NUMBERS = {"clinic-a": [1, 2], "clinic-b": [3], "clinic-c": [4.5]}

NOISE = ("asyncio", "concurrent", "threading", "httpx", "httpcore", "anyio")


def test_a_joint_failure_shows_the_callers_frames_and_no_loop(consortium: Consortium, fake: Fake) -> None:
    fake.nodes["clinic-b"].refusal = error(403, "refused_by_policy", "no", hint="ask its owner")
    with pytest.raises(ComputationRefused) as caught:
        consortium.compute("SecureSum", data=NUMBERS)
    failure = caught.value
    assert (failure.code, failure.hint, failure.status) == ("refused_by_policy", "ask its owner", 403)
    assert isinstance(failure.errors["clinic-b"], Refused)
    assert is_quiet(failure)


def test_an_unreachable_node_shows_no_frames_of_http(fake: Fake) -> None:
    members = [type(one)(one.name, "http://127.0.0.1:1") for one in fake.members()]
    with pytest.raises(Unreachable) as caught:
        Consortium(members).functions()
    assert caught.value.party == "clinic-a"
    assert is_quiet(caught.value)


def test_an_error_of_the_program_keeps_what_raised_it() -> None:
    async def fail(_tell: Callable[[Progress], object]) -> None:
        await asyncio.sleep(0)
        culprit()

    def culprit() -> None:
        try:
            int("x")
        except ValueError as error:
            raise ZeroDivisionError("a fault") from error

    with pytest.raises(ZeroDivisionError, match="a fault") as caught:
        run(fail)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-2:] == ["fail", "culprit"]
    assert not noise(caught.value)
    assert isinstance(caught.value.__cause__, ValueError)


def test_an_error_stays_what_it_is(fake: Fake) -> None:
    fault = CloisterError("a fault", code="x", party="clinic-a", trace="7ace")

    def answer(_: httpx.Request) -> httpx.Response:
        raise fault

    consortium = Consortium(fake.members(), transport=httpx.MockTransport(answer))
    with pytest.raises(CloisterError) as caught:
        consortium.functions()
    assert caught.value is fault
    assert pickle.loads(pickle.dumps(fault)).trace == "7ace"  # noqa: S301


def is_quiet(failure: BaseException) -> bool:
    """Returns whether the printed error is the caller's frames, few of this package, and the message."""
    shown = "".join(traceback.format_exception(failure))
    frames = traceback.extract_tb(failure.__traceback__)
    assert len(frames) <= 4, shown
    assert "direct cause" not in shown, shown
    assert "During handling" not in shown, shown
    return not noise(failure)


def noise(failure: BaseException) -> list[str]:
    """The frames that are not the caller's or this package's."""
    frames = traceback.extract_tb(failure.__traceback__)
    return [frame.filename for frame in frames if any(part in frame.filename for part in NOISE)]
