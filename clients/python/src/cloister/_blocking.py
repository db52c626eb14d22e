"""Waiting for asyncio without being in it.

What is awaited runs in an event loop of its own, in a thread of its own, so that it works where a loop
runs already. What it tells on the way is heard in the caller's thread. Whatever interrupts the wait there
cancels what is awaited, and waits until that has cleaned up behind itself; a second interrupt does not.
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
"""How often the wait is left, since not every system interrupts it."""


def run(make: Callable[[Report], Coroutine[Any, Any, T]], hear: Report | None = None) -> T:
    """What the coroutine returns. It is made with a function whose calls `hear` gets."""
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
        """What came of it."""
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
