"""The progress of a joint computation at each party, as events.

An event is made only when something changes: when a party is asked, when its node tells another state,
round or wait, and when it has ended. Nodes are asked every quarter of a second. An older node that does not
tell is asked no more.

Times here are a computation's own: seconds since its node began it, by that node's clock. No two clocks are
compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from cloister._errors import CloisterError, NodeError, NotAwaited
from cloister._node import Node
from cloister._views import Computation

_PAUSE_SECONDS = 0.25

ENDED = frozenset({"done", "failed", "cancelled"})
"""The states after which a party tells no more."""


@dataclass(frozen=True)
class Progress:
    """The progress of a joint computation at one party."""

    party: str
    state: str
    """`asked`, until its node tells more; then as in a `Computation`."""
    round: int = 0
    step: str = ""
    """The purpose of the round, in words."""
    waiting_for: tuple[str, ...] = ()
    """The parties that its node waits for."""
    awaited: str = ""
    """The awaited message, in words."""
    waiting_since: float | None = None
    """The beginning of the wait, in seconds after the computation began."""
    error: CloisterError | None = None
    """The error, where it failed."""

    @property
    def ended(self) -> bool:
        """Returns whether this party tells no more."""
        return self.state in ENDED

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.party}: {self.state}: {self.error.message}"
        if self.waiting_for:
            since = "" if self.waiting_since is None else f" since {clock(self.waiting_since)}"
            return f"{self.party}: waiting for {', '.join(self.waiting_for)}{since}, at {self.awaited}"
        step = f", {self.step}" if self.step and self.step != self.state else ""
        rounds = f", round {self.round}" if self.round else ""
        return f"{self.party}: {self.state}{rounds}{step}"


Report: TypeAlias = Callable[[Progress], object]
"""A receiver of progress."""


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes:02}:{rest:02}"


class Watch:
    """Tells each change once."""

    def __init__(self, report: Report | None) -> None:
        self._report = report
        self._last: dict[str, Progress] = {}

    @property
    def wanted(self) -> bool:
        """Returns whether there is a receiver."""
        return self._report is not None

    def asked(self, party: str) -> None:
        """A party has been asked."""
        self._tell(Progress(party, "asked"))

    def done(self, party: str) -> None:
        """A party has a result."""
        self._tell(self._ended(party, "done"))

    def failed(self, party: str, error: CloisterError) -> None:
        """A party has none."""
        ended = error.code == "cancelled" or isinstance(error, NotAwaited)
        state = "cancelled" if ended else "failed"
        self._tell(replace(self._ended(party, state), error=error))

    def seen(self, computation: Computation) -> None:
        """A node has told how far it is."""
        last = self._last.get(computation.party)
        # The answer to the call says that it has ended.
        if computation.running and not (last is not None and last.ended):
            self._tell(_progress(computation))

    def _ended(self, party: str, state: str) -> Progress:
        last = self._last.get(party)
        return Progress(party, state, round=0 if last is None else last.round)

    def _tell(self, progress: Progress) -> None:
        if self._last.get(progress.party) != progress:
            self._last[progress.party] = progress
            if self._report is not None:
                self._report(progress)


async def poll(nodes: tuple[Node, ...], network: str, watch: Watch) -> None:
    """Asks all nodes how far they are, again and again."""
    await asyncio.gather(*(_poll(node, network, watch) for node in nodes))


async def _poll(node: Node, network: str, watch: Watch) -> None:
    while True:
        await asyncio.sleep(_PAUSE_SECONDS)
        try:
            told = await node.computations(state="running", network=network)
        except NodeError:
            return  # it does not tell
        except CloisterError:
            continue  # the call itself says why
        for computation in told:
            watch.seen(computation)


def _progress(computation: Computation) -> Progress:
    waiting = computation.waiting
    since = None if waiting is None else (waiting.since - computation.started).total_seconds()
    return Progress(
        party=computation.party,
        state=computation.state,
        round=computation.round,
        step=computation.step,
        waiting_for=() if waiting is None else waiting.parties,
        awaited="" if waiting is None else waiting.awaited,
        waiting_since=since,
    )
