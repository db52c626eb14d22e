"""Waiting for asyncio without being in it.

The awaited coroutine runs in an event loop of its own, in a thread of its own, so that it works where a
loop runs already. Its events are heard in the caller's thread. An interrupt of the wait there cancels the
coroutine, and waits until that has cleaned up; a second interrupt does not wait.

Its errors are raised in the caller's thread, with a traceback that shows the caller's code and not the
event loop's.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Generic, NoReturn, TypeVar, cast

from cloister._errors import CloisterError
from cloister._progress import Progress, Report

T = TypeVar("T")

_LOOK_SECONDS = 0.1
"""The longest wait at a time, because not every system interrupts it."""


def run(make: Callable[[Report], Coroutine[Any, Any, T]], hear: Report | None = None) -> T:
    """Returns the result of the coroutine. `make` gets a function whose calls `hear` receives."""
    work = _Work(make)
    try:
        work.start(hear)
    except BaseException:
        work.cancel()
        raise
    outcome = work.take()
    if isinstance(outcome, _Raised):
        try:
            outcome.reraise()
        finally:
            del outcome  # the traceback holds this frame: a circle that keeps the caller's data alive
    return outcome


class _Raised:
    """An error of the coroutine."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def reraise(self) -> NoReturn:
        """Raises it again, without the frames and causes that tell its reader nothing."""
        error = self._error
        try:
            if isinstance(error, CloisterError):
                # Its message says all that there is to say.
                raise error.with_traceback(None) from None
            # An error of the program itself: what is below `_main` may be needed to mend it.
            raise error.with_traceback(_below_main(error.__traceback__))
        finally:
            del self._error, error


class _Work(Generic[T]):
    def __init__(self, make: Callable[[Report], Coroutine[Any, Any, T]]) -> None:
        self._make = make
        self._told: queue.SimpleQueue[Progress | None] = queue.SimpleQueue()
        self._outcome: T | _Raised | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cloister", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None

    def start(self, hear: Report | None) -> None:
        """Runs it to its end."""
        self._thread.start()
        while True:
            with contextlib.suppress(queue.Empty):
                told = self._told.get(timeout=_LOOK_SECONDS)
                if told is None:
                    return
                if hear is not None:
                    hear(told)

    def cancel(self) -> None:
        """Ends it early."""
        while self._thread.is_alive() and not self._begun.wait(_LOOK_SECONDS):
            pass
        with contextlib.suppress(RuntimeError):  # its loop has ended by itself
            if self._loop is not None and self._task is not None:
                self._loop.call_soon_threadsafe(self._task.cancel)
        while self._thread.is_alive():
            self._thread.join(_LOOK_SECONDS)

    def take(self) -> T | _Raised:
        """Returns its result or its error, once it has ended."""
        outcome, self._outcome = self._outcome, None
        return cast("T | _Raised", outcome)

    def _run(self) -> None:
        try:
            self._outcome = asyncio.run(self._main())
        except BaseException as error:  # it is raised in the caller's thread
            self._outcome = _Raised(error)
        finally:
            self._begun.set()
            self._told.put(None)

    async def _main(self) -> T:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._begun.set()
        return await self._make(self._told.put)


def _below_main(traceback: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that is the coroutine's own: what ran it is left out."""
    below = traceback
    while below is not None and below.tb_frame.f_code is not _Work._main.__code__:
        below = below.tb_next
    return traceback if below is None else below.tb_next
