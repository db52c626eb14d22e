"""Progress drawn for people: in a notebook, by tqdm, or as one line of standard error.

All parties' events become one line: the number of parties that are done, the number of rounds, and the
party or step that the computation waits for.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from html import escape
from typing import Any, Protocol, TextIO, TypeAlias

from cloister._errors import UsageError
from cloister._progress import Progress, Report, clock

Wanted: TypeAlias = bool | Report | None
"""Nothing, a drawing, or a function that gets the events."""

_BAR_WIDTH = 20


class _Canvas(Protocol):
    def show(self, done: int, line: str) -> None: ...

    def close(self) -> None: ...


@contextlib.contextmanager
def drawn(wanted: Wanted, function: str, parties: tuple[str, ...]) -> Iterator[Report | None]:
    """Yields the receiver of a computation's events. A drawing ends with the block."""
    if wanted is None or wanted is False:
        yield None
        return
    if wanted is not True:
        if not callable(wanted):
            raise UsageError("`progress` is True, or a function that takes an event")
        yield wanted
        return
    canvas = _canvas(function, len(parties))
    try:
        yield Picture(parties, canvas)
    finally:
        canvas.close()


class Picture:
    """All parties' last events as one line."""

    def __init__(self, parties: tuple[str, ...], canvas: _Canvas) -> None:
        self._last = {party: Progress(party, "") for party in parties}
        self._canvas = canvas

    def __call__(self, progress: Progress) -> None:
        """Takes an event."""
        self._last[progress.party] = progress
        done = sum(one.state == "done" for one in self._last.values())
        self._canvas.show(done, self._line(progress))

    def _line(self, newest: Progress) -> str:
        """The failures, or else the waits, or else the last event."""
        last = self._last.values()
        failed = [one for one in last if one.error is not None]
        waiting = [one for one in last if one.waiting_for and not one.ended]
        return str((failed or waiting or [newest])[0])


def _canvas(function: str, parties: int) -> _Canvas:
    notebook = _notebook()
    if notebook is not None:
        return _Cell(notebook, function, parties)
    try:
        from tqdm import tqdm  # noqa: PLC0415 - it need not be there
    except ImportError:
        return _Line(sys.stderr, function, parties)
    return _Tqdm(tqdm, function, parties)


def _notebook() -> Any:
    """IPython's module for display, in a notebook."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython import display  # noqa: PLC0415 - only there in a notebook

    return display


class _Cell:
    """A notebook's cell, whose one output is replaced."""

    def __init__(self, display: Any, function: str, parties: int) -> None:
        self._html = display.HTML
        self._function = function
        self._parties = parties
        self._handle = display.display(self._html(self._shown(0, "")), display_id=True)

    def show(self, done: int, line: str) -> None:
        self._handle.update(self._html(self._shown(done, line)))

    def close(self) -> None:
        """The last line stays."""

    def _shown(self, done: int, line: str) -> str:
        label = f"{self._function}: {done} of {self._parties} parties are done"
        return (
            f'<div role="status"><progress aria-label="{escape(label)}" value="{done}" '
            f'max="{self._parties}"></progress> {escape(label)}; {escape(line)}</div>'
        )


class _Tqdm:
    def __init__(self, tqdm: Any, function: str, parties: int) -> None:
        self._bar = tqdm(total=parties, desc=function, unit="party", leave=True)

    def show(self, done: int, line: str) -> None:
        self._bar.n = done
        self._bar.set_postfix_str(line)

    def close(self) -> None:
        self._bar.close()


class _Line:
    """One line that is written over on a terminal, and a line for each change elsewhere."""

    def __init__(self, stream: TextIO, function: str, parties: int) -> None:
        self._stream = stream
        self._function = function
        self._parties = parties
        self._started = time.monotonic()
        self._terminal = stream.isatty()
        self._width = 0

    def show(self, done: int, line: str) -> None:
        filled = _BAR_WIDTH * done // self._parties
        bar = "#" * filled + "." * (_BAR_WIDTH - filled)
        elapsed = clock(time.monotonic() - self._started)
        shown = f"{self._function} [{bar}] {done}/{self._parties} {elapsed} {line}"
        if self._terminal:
            self._stream.write(f"\r{shown:<{self._width}}")
            self._width = len(shown)
        else:
            self._stream.write(f"{shown}\n")
        self._stream.flush()

    def close(self) -> None:
        if self._terminal and self._width:
            self._stream.write("\n")
            self._stream.flush()
