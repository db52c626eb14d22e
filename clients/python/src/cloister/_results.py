"""The result of a joint computation.

A `Report` is one party's. A `Result` is that of all parties: only `agreed` makes one, and only of reports
that say the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cloister import _display, _frames
from cloister._documents import Document
from cloister._errors import Disagreement

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Security:
    """The protection of a result: its assumptions, and what it reveals."""

    suite: str
    """The family of protocols."""
    adversary: str
    """The adversary that the protocols withstand, in words."""
    corruptible: int
    """The number of nodes that may collude."""
    reveals: tuple[str, ...]
    """The values that nodes learnt beside the answer, and which nodes."""

    @classmethod
    def read(cls, document: Document) -> Security:
        """From a report."""
        return cls(
            suite=document.text("suite"),
            adversary=document.text("adversary"),
            corruptible=document.whole("corruptible"),
            reveals=document.texts("reveals"),
        )


@dataclass(frozen=True)
class Disclosure:
    """The disclosure rules that held."""

    profile: str
    """The profile of the node that reports."""
    rules: Mapping[str, Any]
    """The strictest of all parties' rules."""
    decided_by: Mapping[str, str]
    """The party that set each of them."""
    left_out: int = 0
    """The number of parties of which rows are left out by their own rules."""
    rounded: str | None = None
    """The part of their standard errors that numbers were rounded to, `se/N`; counts are exact."""

    @classmethod
    def read(cls, document: Document) -> Disclosure:
        """From a report."""
        return cls(
            profile=document.text("profile"),
            rules=document.mapping("rules"),
            decided_by=document.mapping("decided_by"),
            left_out=document.whole_or_none("left_out") or 0,
            rounded=document.text_or_none("rounded"),
        )


@dataclass(frozen=True)
class Preparation:
    """The part of a cost that was preprocessing, which depends on no party's data."""

    rounds: int
    messages_sent: int
    bytes_sent: int
    bytes_received: int


@dataclass(frozen=True)
class Cost:
    """The cost of a computation."""

    rounds: int
    """Rounds after the agreement."""
    messages_sent: int
    bytes_sent: int
    bytes_received: int
    seconds: float
    """From the request to the result."""
    preparation: Preparation | None = None
    """The part of preprocessing, where there was any."""

    @classmethod
    def read(cls, document: Document) -> Cost:
        """From a report."""
        preparation = document.document_or_none("preparation")
        return cls(
            **_traffic(document),
            seconds=document.number("seconds"),
            preparation=None if preparation is None else Preparation(**_traffic(preparation)),
        )


@dataclass(frozen=True)
class Report:
    """One party's report of a joint computation."""

    party: str
    inputs: int
    """The number of parties that took part."""
    result: Mapping[str, Any]
    """The answer."""
    security: Security
    disclosure: Disclosure
    cost: Cost
    """This party's cost."""
    session: str
    """The hash of everything that the parties agreed on."""
    dropped: Any = None
    """The number of rows of all parties that were left out, if that was allowed."""
    precision: Any = None
    """The scale at which it was computed, if the function has one."""

    @classmethod
    def read(cls, party: str, value: object) -> Report:
        """As it was downloaded."""
        document = Document(value, "the report")
        return cls(
            party=party,
            inputs=document.whole("inputs"),
            result=document.mapping("result"),
            security=Security.read(document.document("security")),
            disclosure=Disclosure.read(document.document("disclosure")),
            cost=Cost.read(document.document("cost")),
            session=document.text("session"),
            dropped=document.entries.get("dropped"),
            precision=document.entries.get("precision"),
        )


@dataclass(frozen=True, repr=False)
class Result:
    """The common report of all parties. Its values are there by name: `result["mean"]`."""

    function: str
    """The function."""
    parties: tuple[str, ...]
    """The parties, in order."""
    network: str
    """The name of the computation at all nodes."""
    session: str
    """The hash of everything that the parties agreed on, as in the nodes' logs."""
    result: Mapping[str, Any]
    """The answer."""
    security: Security
    """Its protection: the assumptions, and what it reveals."""
    disclosure: Disclosure
    """The disclosure rules that held; the profile is that of the first party's node."""
    cost: Cost
    """Of all parties together: the most rounds and seconds, and the sums of messages and bytes."""
    dropped: Any = None
    """The number of rows of all parties that were left out, if that was allowed."""
    precision: Any = None
    """The scale at which it was computed, if the function has one."""
    reports: Mapping[str, Report] = field(default_factory=dict, compare=False)
    """Each party's report."""

    @property
    def values(self) -> Mapping[str, Any]:
        """The answer, under another name."""
        return self.result

    def __getitem__(self, key: str) -> Any:
        return self.result[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.result)

    def __len__(self) -> int:
        return len(self.result)

    def to_frame(self, key: str | None = None) -> pd.DataFrame:
        """The answer as a pandas DataFrame: the entry at `key`, or the whole of it.

        Without a key: the table, matrix, histogram or list in it if there is just one; otherwise all
        single values, one a row.
        """
        return _frames.frame(self.result, key)

    def __repr__(self) -> str:
        return _display.line(self)

    def __str__(self) -> str:
        return _display.text(self)

    def _repr_html_(self) -> str:
        return _display.html(self)


def agreed(function: str, network: str, reports: Mapping[str, Report]) -> Result:
    """Makes the result of all parties' reports, if they say the same."""
    for one, other in pairwise(reports.values()):
        differing = [name for name, value in _joint(one).items() if value != _joint(other)[name]]
        if differing:
            raise Disagreement(
                f"{one.party} and {other.party} report different {' and '.join(differing)} of one "
                "computation",
                hint="believe none of them, and have their operators compare versions and logs",
                party=other.party,
                reports=reports,
            )
    first = next(iter(reports.values()))
    return Result(
        function=function,
        parties=tuple(reports),
        network=network,
        session=first.session,
        result=first.result,
        security=first.security,
        disclosure=first.disclosure,
        cost=_together([report.cost for report in reports.values()]),
        dropped=first.dropped,
        precision=first.precision,
        reports=dict(reports),
    )


def _joint(report: Report) -> dict[str, str]:
    """The part of a report that must be the same at all parties, in canonical form."""
    joint = {
        "results": report.result,
        "sessions": report.session,
        "numbers of parties": report.inputs,
        "suites": report.security.suite,
        "disclosure rules": report.disclosure.rules,
        "numbers of parties left out": report.disclosure.left_out,
        "roundings": report.disclosure.rounded,
        "numbers of rows left out": report.dropped,
        "precisions": report.precision,
    }
    return {name: json.dumps(value, sort_keys=True) for name, value in joint.items()}


def _together(costs: list[Cost]) -> Cost:
    prepared = [cost.preparation for cost in costs if cost.preparation is not None]
    preparation = Preparation(
        rounds=max((one.rounds for one in prepared), default=0),
        messages_sent=sum(one.messages_sent for one in prepared),
        bytes_sent=sum(one.bytes_sent for one in prepared),
        bytes_received=sum(one.bytes_received for one in prepared),
    )
    return Cost(
        rounds=max(cost.rounds for cost in costs),
        messages_sent=sum(cost.messages_sent for cost in costs),
        bytes_sent=sum(cost.bytes_sent for cost in costs),
        bytes_received=sum(cost.bytes_received for cost in costs),
        seconds=max(cost.seconds for cost in costs),
        preparation=preparation if prepared else None,
    )


def _traffic(document: Document) -> dict[str, int]:
    keys = ("rounds", "messages_sent", "bytes_sent", "bytes_received")
    return {key: document.whole(key) for key in keys}
