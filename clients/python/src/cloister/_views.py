"""Views of nodes: members, datasets, functions, computations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cloister._documents import Document
from cloister._errors import CloisterError

RUNNING = frozenset({"preparing", "connecting", "agreeing", "running", "opening"})
"""The states of a computation that has not ended."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function."""

    name: str
    type: str
    required: bool
    summary: str

    @classmethod
    def read(cls, document: Document) -> Parameter:
        """From a function."""
        return cls(
            name=document.text("name"),
            type=document.text("type"),
            required=document.flag("required"),
            summary=document.text("summary"),
        )


@dataclass(frozen=True)
class Function:
    """A function that parties can compute together."""

    name: str
    summary: str
    """A summary in one sentence."""
    input: str
    """The kind of data that it takes, for programs."""
    takes: str
    """The data that it takes from each party, for people."""
    suites: tuple[str, ...]
    """The families of protocols that serve it."""
    result_keys: tuple[str, ...]
    """The names in its answer."""
    reveals: tuple[str, ...]
    """The most that nodes learn beside the answer."""
    parameters: tuple[Parameter, ...]

    @classmethod
    def read(cls, document: Document) -> Function:
        """From `/v1/functions`."""
        return cls(
            name=document.text("name"),
            summary=document.text("summary"),
            input=document.text("input"),
            takes=document.text("takes"),
            suites=document.texts("suites"),
            result_keys=document.texts("result_keys"),
            reveals=document.texts("reveals"),
            parameters=tuple(map(Parameter.read, document.documents("parameters"))),
        )


@dataclass(frozen=True)
class Column:
    """A node's description of a dataset's column."""

    name: str
    kind: str
    """`integer`, `number`, `text`, `date`, `truth`, or `unknown` where there is no value."""
    missing: str
    """The part of the rows in which the value is missing, rounded up."""
    unit: str | None
    """The unit, in the owner's words."""
    range: tuple[float, ...] | None
    """The lowest and the highest value expected."""
    levels: tuple[str, ...] | None
    """The texts expected."""
    times: str | None = None
    """The time that a column of texts tells: `days` or `timestamps`."""

    @classmethod
    def read(cls, document: Document) -> Column:
        """From a dataset."""
        return cls(
            name=document.text("name"),
            kind=document.text("kind"),
            missing=document.text("missing"),
            unit=document.text_or_none("unit"),
            range=document.numbers_or_none("range"),
            levels=document.texts_or_none("levels"),
            times=document.text_or_none("times"),
        )


@dataclass(frozen=True)
class Dataset:
    """One party's description of a dataset; never a row."""

    party: str
    name: str
    rows: int
    """The number of rows, rounded down to a band."""
    columns: tuple[Column, ...]

    @classmethod
    def read(cls, party: str, document: Document) -> Dataset:
        """From `/v1/datasets`."""
        return cls(
            party=party,
            name=document.text("name"),
            rows=document.whole("rows"),
            columns=tuple(map(Column.read, document.documents("columns"))),
        )


@dataclass(frozen=True)
class NodeStatus:
    """A node's own status."""

    version: str
    profile: str
    started: datetime
    now: datetime
    """Its clock when it was asked."""
    deadline_seconds: float
    consortium: str
    """The hash of what all members must have alike."""
    access: str
    """`open` or `tokens`."""
    principal: str
    """The principal as which it knows this client."""
    rights: tuple[str, ...]
    """The rights of this client."""
    fingerprint: str
    """Of its certificate."""
    certificate_days_left: int
    running: int
    """The number of computations under way."""
    waiting: int

    @classmethod
    def read(cls, document: Document) -> NodeStatus:
        """From `/v1/node`."""
        principal = document.document("principal")
        certificate = document.document("certificate")
        computations = document.document("computations")
        return cls(
            version=document.text("version"),
            profile=document.text("profile"),
            started=document.time("started"),
            now=document.time("now"),
            deadline_seconds=document.number("deadline_seconds"),
            consortium=document.text("consortium"),
            access=document.text("access"),
            principal=principal.text("name"),
            rights=principal.texts("rights"),
            fingerprint=certificate.text("fingerprint"),
            certificate_days_left=certificate.whole("days_left"),
            running=computations.whole("running"),
            waiting=computations.whole("waiting"),
        )


@dataclass(frozen=True)
class Link:
    """One node's link to another."""

    to: str
    state: str
    """`up` or `down`."""
    since: datetime
    problem: str | None
    """The problem and its remedy, where there is one."""
    round_trip_seconds: float | None
    version: str | None
    """Of the other node."""

    @classmethod
    def read(cls, to: str, document: Document) -> Link:
        """From `/v1/members`."""
        return cls(
            to=to,
            state=document.text("state"),
            since=document.time("since"),
            problem=document.text_or_none("problem"),
            round_trip_seconds=document.number_or_none("round_trip_seconds"),
            version=document.text_or_none("version"),
        )


@dataclass(frozen=True)
class MemberStatus:
    """A member, as its own node tells."""

    name: str
    api: str
    node: NodeStatus | None
    """The status of its node; none where it did not answer."""
    links: tuple[Link, ...]
    """Its links to the others."""
    error: CloisterError | None
    """The error, where it did not answer."""

    @property
    def ready(self) -> bool:
        """Returns whether it answers and is connected to all others."""
        return self.node is not None and all(link.state == "up" for link in self.links)


@dataclass(frozen=True)
class Waiting:
    """A wait of a computation for parties."""

    parties: tuple[str, ...]
    awaited: str
    """The awaited message, in words."""
    since: datetime
    """By the clock of the node that waits."""

    @classmethod
    def read(cls, document: Document) -> Waiting:
        """From a computation."""
        return cls(
            parties=document.texts("parties"),
            awaited=document.text("for"),
            since=document.time("since"),
        )


@dataclass(frozen=True)
class Failure:
    """The reason why a computation ended without a result."""

    code: str
    message: str
    hint: str
    party: str | None

    @classmethod
    def read(cls, document: Document) -> Failure:
        """From a computation."""
        return cls(
            code=document.text("code"),
            message=document.text("message"),
            hint=document.text("hint"),
            party=document.text_or_none("party"),
        )


@dataclass(frozen=True)
class Computation:
    """A computation, as one party's node tells of it."""

    party: str
    """The party whose node tells it."""
    id: str
    """This node's own name of it."""
    network: str
    """Its name at all nodes."""
    session: str | None
    run: int | None
    function: str
    suite: str | None
    principal: str
    dataset: str | None
    members: tuple[str, ...]
    helpers: tuple[str, ...]
    state: str
    """`preparing`, `connecting`, `agreeing`, `running`, `opening`, `done`, `failed`, `cancelled`."""
    round: int
    step: str
    """The purpose of the round, in words."""
    waiting: Waiting | None
    started: datetime
    ended: datetime | None
    deadline: datetime
    error: Failure | None

    @property
    def running(self) -> bool:
        """Returns whether it has not ended."""
        return self.state in RUNNING

    @classmethod
    def read(cls, party: str, document: Document) -> Computation:
        """From `/v1/computations`."""
        waiting = document.document_or_none("waiting")
        error = document.document_or_none("error")
        return cls(
            party=party,
            id=document.text("id"),
            network=document.text("network"),
            session=document.text_or_none("session"),
            run=document.whole_or_none("run"),
            function=document.text("function"),
            suite=document.text_or_none("suite"),
            principal=document.text("principal"),
            dataset=document.text_or_none("dataset"),
            members=document.texts("members"),
            helpers=document.texts("helpers"),
            state=document.text("state"),
            round=document.whole("round"),
            step=document.text("step"),
            waiting=None if waiting is None else Waiting.read(waiting),
            started=document.time("started"),
            ended=document.time_or_none("ended"),
            deadline=document.time("deadline"),
            error=None if error is None else Failure.read(error),
        )
