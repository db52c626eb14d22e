"""Waiting for asyncio without being in it.

The awaited coroutine runs in an event loop of its own, in a thread of its own, so that it works where a
loop runs already. Its events are heard in the caller's thread. An interrupt of the wait there cancels the
coroutine, and waits until that has cleaned up; a second interrupt does not wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

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
    return work.result()


class _Work(Generic[T]):
    def __init__(self, make: Callable[[Report], Coroutine[Any, Any, T]]) -> None:
        self._make = make
        self._told: queue.SimpleQueue[Progress | None] = queue.SimpleQueue()
        self._outcome: Future[T] = Future()
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

    def result(self) -> T:
        """Returns its result, or raises its error."""
        return self._outcome.result()

    def _run(self) -> None:
        try:
            self._outcome.set_result(asyncio.run(self._main()))
        except BaseException as error:  # it is raised in the caller's thread
            self._outcome.set_exception(error)
        finally:
            self._begun.set()
            self._told.put(None)

    async def _main(self) -> T:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._begun.set()
        return await self._make(self._told.put)
