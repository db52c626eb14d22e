"""One joint computation, from the requests to all nodes to each party's outcome.

A party that cannot take part leaves the others waiting until their deadline. They get a moment to give
the reason themselves; then the computation is cancelled at their nodes. A caller that gives up (by an
interrupt, by the cancellation of its task, by its own time limit) cancels it at all nodes.

To cancel, each node is asked what it runs under the computation's name. An older node cannot say so, and
ends by its deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence

from cloister._errors import CloisterError, ComputationTimedOut, NotAwaited, Unreachable
from cloister._node import Node, Task, outcome
from cloister._progress import Watch, poll
from cloister._results import Report

_AFTER_FAILURE_SECONDS = 2.0
"""The time for the others to answer when a party has failed."""

_CANCELLING_SECONDS = 5.0
"""The longest time of cancelling."""

_SECOND_LOOK_SECONDS = 0.25
"""The pause before a node that ran nothing is asked again: a call may have been on its way."""


class Joint:
    """One joint computation."""

    def __init__(
        self,
        nodes: Sequence[Node],
        tasks: Mapping[str, Task],
        network: str,
        watch: Watch,
    ) -> None:
        self._nodes = tuple(nodes)
        self._tasks = tasks
        self._network = network
        self._watch = watch
        self._asked: dict[str, asyncio.Task[Report]] = {}
        self._polling: set[asyncio.Task[None]] = set()

    async def run(self, timeout: float | None) -> dict[str, Report | CloisterError]:
        """Returns each party's outcome, in order."""
        self._begin()
        try:
            await self._until_settled(timeout)
            if self._any_failed():
                await self._end_the_others()
        except BaseException:
            await self._abandon()
            raise
        finally:
            await _stop([*self._polling, *self._asked.values()])
        return {party: self._outcome(party) for party in self._asked}

    def _begin(self) -> None:
        for node in self._nodes:
            self._asked[node.name] = asyncio.create_task(self._ask(node))
        if self._watch.wanted:
            self._polling = {asyncio.create_task(poll(self._nodes, self._network, self._watch))}

    async def _ask(self, node: Node) -> Report:
        self._watch.asked(node.name)
        try:
            report = await node.compute(self._tasks[node.name])
        except CloisterError as error:
            self._watch.failed(node.name, error)
            raise
        self._watch.done(node.name)
        return report

    async def _until_settled(self, timeout: float | None) -> None:
        """Waits until all parties have a result, or one has failed."""
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        while (pending := self._pending()) and not self._any_failed():
            left = None if end is None else max(0.0, end - loop.time())
            ended, _ = await asyncio.wait(
                {*pending, *self._polling}, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
            if not ended:
                raise self._timed_out(timeout)
            for task in self._polling & ended:
                self._polling.discard(task)
                task.result()

    async def _end_the_others(self) -> None:
        await _wait(self._pending(), _AFTER_FAILURE_SECONDS)
        unended = [node for node in self._nodes if self._may_run(node.name)]
        await self._cancel_at(unended, _AFTER_FAILURE_SECONDS)
        await _wait(self._pending(), _AFTER_FAILURE_SECONDS)

    async def _abandon(self) -> None:
        await _stop(self._asked.values())
        await self._cancel_at(self._nodes, _CANCELLING_SECONDS)

    async def _cancel_at(self, nodes: Sequence[Node], seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._cancel(nodes), seconds)

    async def _cancel(self, nodes: Sequence[Node]) -> None:
        for pause in (0.0, _SECOND_LOOK_SECONDS):
            if not nodes:
                return
            await asyncio.sleep(pause)
            asked = (outcome(lambda node: node.cancel(self._network), node) for node in nodes)
            cancelled = await asyncio.gather(*asked)
            nodes = [node for node, count in zip(nodes, cancelled, strict=True) if count == 0]

    def _pending(self) -> list[asyncio.Task[Report]]:
        return [task for task in self._asked.values() if not task.done()]

    def _any_failed(self) -> bool:
        """Returns whether a party has failed. A failure of this program itself is raised."""
        ended = [task for task in self._asked.values() if task.done()]
        errors = [error for task in ended if (error := task.exception()) is not None]
        for error in errors:
            if not isinstance(error, CloisterError):
                raise error
        return bool(errors)

    def _may_run(self, party: str) -> bool:
        """Returns whether a node may still be computing."""
        task = self._asked[party]
        return not task.done() or isinstance(task.exception(), Unreachable)

    def _outcome(self, party: str) -> Report | CloisterError:
        task = self._asked[party]
        if task.cancelled():
            return _not_awaited(party, "because another party cannot take part")
        error = task.exception()
        if error is None:
            return task.result()
        if isinstance(error, CloisterError):
            return error
        raise error

    def _timed_out(self, timeout: float | None) -> ComputationTimedOut:
        pending = [party for party, task in self._asked.items() if not task.done()]
        failure = ComputationTimedOut(
            f"there is no joint result within {timeout:g} s",
            errors={party: _not_awaited(party, "because the time is up") for party in pending},
            hint="give it more time with `timeout`, or watch it with `progress=True`",
        )
        failure.network = self._network
        return failure


def _not_awaited(party: str, why: str) -> NotAwaited:
    return NotAwaited(f"not awaited any longer, {why}", at=party)


async def _wait(tasks: Iterable[asyncio.Task[Report]], seconds: float) -> None:
    waited = set(tasks)
    if waited:
        await asyncio.wait(waited, timeout=seconds)


async def _stop(tasks: Iterable[asyncio.Task[Report] | asyncio.Task[None]]) -> None:
    """Cancels tasks, and waits until they have ended. Their errors are reported elsewhere."""
    stopped = list(tasks)
    for task in stopped:
        task.cancel()
    await asyncio.gather(*stopped, return_exceptions=True)
