"""The events of a running computation."""

from __future__ import annotations

import io
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from cloister import ComputationFailed, Consortium, Progress
from cloister._drawing import Picture, _Cell, _Line
from tests.fake import Fake, error, interrupted_when

NUMBERS = {"clinic-a": [1, 2], "clinic-b": [3], "clinic-c": [4.5]}


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloister._joint._AFTER_FAILURE_SECONDS", 0.3)
    monkeypatch.setattr("cloister._progress._PAUSE_SECONDS", 0.02)


def test_each_party_is_asked_and_done(consortium: Consortium, fake: Fake) -> None:
    heard: list[Progress] = []
    consortium.compute("SecureSum", data=NUMBERS, progress=heard.append)
    for name in fake.nodes:
        told = [one.state for one in heard if one.party == name]
        assert told[0] == "asked"
        assert told[-1] == "done"


def test_it_is_told_whom_all_wait_for_and_since_when(consortium: Consortium, fake: Fake) -> None:
    fake.nodes["clinic-b"].hangs = True
    heard: list[Progress] = []
    with interrupted_when(lambda: times_asked(fake, "clinic-a") > 2):
        consortium.compute("SecureSum", data=NUMBERS, progress=heard.append)
    lines = [str(one) for one in heard]
    expected = "clinic-a: waiting for clinic-b since 00:12, at agreeing"
    assert lines.count(expected) == 1, "and said once"
    [event] = [one for one in heard if str(one) == expected]
    assert event.waiting_for == ("clinic-b",)
    assert event.waiting_since == 12.5


def times_asked(fake: Fake, name: str) -> int:
    """Returns the number of progress requests to a node."""
    return fake.paths(name, "GET").count("/v1/computations")


def test_it_is_heard_in_the_callers_thread(consortium: Consortium) -> None:
    threads: set[threading.Thread] = set()
    consortium.compute(
        "SecureSum", data=NUMBERS, progress=lambda _: threads.add(threading.current_thread())
    )
    assert threads == {threading.current_thread()}


def test_failures_are_told(consortium: Consortium, fake: Fake) -> None:
    fake.nodes["clinic-b"].refusal = error(403, "refused_by_policy", "no")
    heard: list[Progress] = []
    with pytest.raises(ComputationFailed):
        consortium.compute("SecureSum", data=NUMBERS, progress=heard.append)
    assert "clinic-b: failed: no" in map(str, heard)
    assert {one.party for one in heard if one.state == "cancelled"} == {"clinic-a", "clinic-c"}


def test_nodes_that_do_not_tell_are_asked_no_more(consortium: Consortium, fake: Fake) -> None:
    fake.nodes["clinic-a"].has_v1 = False
    fake.nodes["clinic-b"].hangs = True
    with interrupted_when(lambda: times_asked(fake, "clinic-c") > 3):
        consortium.compute("SecureSum", data=NUMBERS, progress=lambda _: None)
    assert 1 <= times_asked(fake, "clinic-a") <= 3


def test_nobody_is_asked_how_far_it_is_if_nobody_wants_to_know(consortium: Consortium, fake: Fake) -> None:
    consortium.compute("SecureSum", data=NUMBERS)
    assert not any("v1" in path for name in fake.nodes for path in fake.paths(name, "GET"))


@pytest.mark.parametrize("tqdm", [True, False])
def test_a_bar_is_drawn_to_standard_error(
    consortium: Consortium,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tqdm: bool,
) -> None:
    if not tqdm:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    consortium.compute("SecureSum", data=NUMBERS, progress=True)
    drawn = capsys.readouterr()
    assert drawn.out == ""
    assert "SecureSum" in drawn.err
    assert "3/3" in drawn.err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminals_line_is_written_over() -> None:
    stream = Terminal()
    line = _Line(stream, "SecureSum", 2)
    line.show(0, "a: waiting for b since 00:12, at agreeing")
    line.show(1, "a: done")
    line.close()
    first, second = stream.getvalue().rstrip("\n").split("\r")[1:]
    assert len(second) == len(first), "nothing of the longer line is left"
    assert second.startswith("SecureSum [##########..........] 1/2 00:00 a: done")


def test_a_notebooks_output_is_replaced_and_escaped() -> None:
    shown: list[str] = []
    handle = SimpleNamespace(update=shown.append)

    def show(first: str, display_id: bool) -> SimpleNamespace:
        assert display_id
        shown.append(first)
        return handle

    display = SimpleNamespace(HTML=str, display=show)
    picture = Picture(("a", "b"), _Cell(display, "<f>", 2))
    picture(Progress("a", "running", waiting_for=("<b>",), awaited="x"))
    picture(Progress("b", "done"))
    assert 'role="status"' in shown[0]
    assert "waiting for &lt;b&gt;, at x" in shown[1]
    assert "&lt;f&gt;: 1 of 2 parties are done" in shown[2]
    assert "waiting for &lt;b&gt;" in shown[2], "a wait stays until it is over"


def test_the_worst_is_shown_first() -> None:
    lines: list[tuple[int, str]] = []

    class Canvas:
        def show(self, done: int, line: str) -> None:
            lines.append((done, line))

        def close(self) -> None:
            pass

    picture = Picture(("a", "b", "c"), Canvas())
    events: list[Any] = [
        Progress("a", "running", round=2, step="opening a mask"),
        Progress("b", "running", waiting_for=("c",), awaited="round 2", waiting_since=61.0),
        Progress("a", "done"),
    ]
    for event in events:
        picture(event)
    assert lines == [
        (0, "a: running, round 2, opening a mask"),
        (0, "b: waiting for c since 01:01, at round 2"),
        (1, "b: waiting for c since 01:01, at round 2"),
    ]
