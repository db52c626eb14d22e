"""One joint computation, from the requests to all nodes to each party's outcome.

A party that cannot take part leaves the others waiting until their deadline. So with such a failure no node
is asked to begin any more, and where one has begun the computation is cancelled, at once. Where the failure
only follows from another party's, the others first get a moment to give the reason themselves. A caller
that gives up (by an interrupt, by the cancellation of its task, by its own time limit) cancels it at all
nodes.

To cancel, each node is asked what it runs under the computation's name, again and again: a call may be on
its way. No node waits for another's answer. An older node cannot say so, and ends by its deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence

from cloister._errors import CloisterError, ComputationTimedOut, NotAwaited, Unreachable, is_reason
from cloister._node import Node, Task, outcome
from cloister._progress import Watch, poll
from cloister._results import Report

_AFTER_FAILURE_SECONDS = 2.0
"""The time for the others to give the reason of a failure, and to answer when they are cancelled."""

_CANCELLING_SECONDS = 5.0
"""The longest time of cancelling."""

_SECOND_LOOK_SECONDS = 0.25
"""The pause before a node that ran nothing is asked again: a call may have been on its way."""

_LOOKS = 2
"""The times that a node is asked which has no open call."""


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
        self._begun: set[str] = set()
        self._is_over = False
        self._polling: set[asyncio.Task[None]] = set()

    async def run(self, timeout: float | None) -> dict[str, Report | CloisterError]:
        """Returns each party's outcome, in order."""
        self._begin()
        try:
            await self._until_settled(timeout)
            if self._errors():
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
            report = await node.compute(self._tasks[node.name], lambda: self._begin_at(node.name))
        except CloisterError as error:
            self._is_over |= is_reason(error)
            self._watch.failed(node.name, error)
            raise
        self._watch.done(node.name)
        return report

    def _begin_at(self, party: str) -> None:
        """Notes that a node begins. None does once there can be no result: it would wait in vain."""
        if self._is_over:
            raise _not_awaited(party, "because another party cannot take part")
        self._begun.add(party)

    async def _until_settled(self, timeout: float | None) -> None:
        """Waits until all parties have a result, or one has failed."""
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        while (pending := self._pending()) and not self._errors():
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
        await self._until_the_reason()
        self._is_over = True
        unended = [node for node in self._nodes if self._may_run(node.name)]
        await self._cancel_at(unended, _AFTER_FAILURE_SECONDS)
        await _wait(self._pending(), _AFTER_FAILURE_SECONDS)
        # A call that is open even now may have arrived meanwhile. It is closed, so that no more does.
        late = [node for node in self._nodes if not self._asked[node.name].done()]
        await _stop(self._asked[node.name] for node in late)
        await self._cancel_at([node for node in late if node.name in self._begun], _AFTER_FAILURE_SECONDS)

    async def _until_the_reason(self) -> None:
        """Waits a moment for the failure from which the others follow, if none is known yet."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _AFTER_FAILURE_SECONDS
        while (pending := self._pending()) and not any(map(is_reason, self._errors())):
            left = end - loop.time()
            if left <= 0:
                return
            await asyncio.wait(pending, timeout=left, return_when=asyncio.FIRST_COMPLETED)

    async def _abandon(self) -> None:
        await _stop(self._asked.values())
        begun = [node for node in self._nodes if node.name in self._begun]
        await self._cancel_at(begun, _CANCELLING_SECONDS)

    async def _cancel_at(self, nodes: Sequence[Node], seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.gather(*map(self._cancel, nodes)), seconds)

    async def _cancel(self, node: Node) -> None:
        """Cancels what a node runs, or will run once an open call arrives there."""
        looks = 0
        while True:
            cancelled = await outcome(lambda node: node.cancel(self._network), node)
            # A line that has just broken may be there again; a node that does not tell never will.
            looks_again = cancelled == 0 or isinstance(cancelled, Unreachable)
            looks += 1
            if not looks_again or (looks >= _LOOKS and self._asked[node.name].done()):
                return
            if not self._may_run(node.name):
                return
            await asyncio.sleep(_SECOND_LOOK_SECONDS)

    def _pending(self) -> list[asyncio.Task[Report]]:
        return [task for task in self._asked.values() if not task.done()]

    def _errors(self) -> list[CloisterError]:
        """Returns the errors of the parties that have failed. An error of this program is raised."""
        ended = [task for task in self._asked.values() if task.done()]
        errors = []
        for error in (task.exception() for task in ended):
            if isinstance(error, CloisterError):
                errors.append(error)
            elif error is not None:
                raise error
        return errors

    def _may_run(self, party: str) -> bool:
        """Returns whether a node may be computing, or may begin."""
        task = self._asked[party]
        if not task.done():
            return True
        is_unknown = task.cancelled() or isinstance(task.exception(), Unreachable)
        return is_unknown and party in self._begun

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
