"""All nodes of a consortium, for one client, in asyncio and without it.

A consortium holds no connections: each call opens its own, and closes them before it returns. So there is
nothing to close, and it can be used from any event loop and any thread.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import ssl
import uuid
import warnings
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import httpx

from cloister import _blocking, _values
from cloister._config import USUAL_DEADLINE_SECONDS, ClientFile, Member
from cloister._drawing import Wanted, drawn
from cloister._errors import CloisterError, ConfigurationError, UsageError, joint_failure
from cloister._inputs import Where, inputs
from cloister._joint import Joint
from cloister._node import Node, Task, opened, outcome
from cloister._progress import Watch
from cloister._results import Report, Result, agreed
from cloister._tables import Computations, Datasets, Functions, Members
from cloister._tls import context_for
from cloister._views import Computation, Link, MemberStatus, NodeStatus

T = TypeVar("T")

_BEYOND_DEADLINE_SECONDS = 15.0
"""The time beyond the nodes' deadline that a client waits, so that the nodes tell the reason."""

_USUAL_LIMIT = 100


class AsyncConsortium:
    """All nodes of a consortium, in asyncio."""

    def __init__(
        self,
        members: Iterable[Member],
        *,
        deadline_seconds: float = USUAL_DEADLINE_SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport` carries the requests in the network's place, for tests."""
        self._members = tuple(members)
        self._patience = deadline_seconds + _BEYOND_DEADLINE_SECONDS
        self._transport = transport
        names = self.parties
        if not names or len(set(names)) != len(names):
            raise ConfigurationError("a consortium has members, each with a name of its own")
        for member in self._members:
            _warn_of_a_token_in_the_clear(member)
        self._contexts: dict[str, ssl.SSLContext] = {
            member.name: context_for(member) for member in self._members
        }

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str] = "client.toml",
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> AsyncConsortium:
        """The consortium of a `client.toml` or `consortium.toml`, or of a folder with one of them."""
        file = ClientFile.read(path)
        return cls(file.members, deadline_seconds=file.deadline_seconds, transport=transport)

    @property
    def parties(self) -> tuple[str, ...]:
        """The members' names, in order."""
        return tuple(member.name for member in self._members)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {', '.join(self.parties)}>"

    async def compute(
        self,
        function: str,
        *,
        dataset: str | Mapping[str, str] | None = None,
        column: str | None = None,
        columns: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        where: Where | None = None,
        data: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        parties: Sequence[str] | None = None,
        timeout: float | None = None,
        progress: Wanted = None,
        network: str | None = None,
    ) -> Result:
        """Has all parties compute `function` together, and returns what all report alike.

        Each party brings `column` or `columns` of its node's `dataset` (of the rows that fulfil
        `where`), or what `data` has for it: values, or a `Selection`. `dataset`, `columns` and `data`
        may be mappings from party to its own. `parameters` are the function's, the same at all.

        `parties` names the parties that take part, in order; usually all. `timeout` is in seconds; without
        it the nodes' own deadline ends the wait. `progress` is True for a drawing, or a function that
        gets each `Progress`. `network` is the computation's name at all nodes, usually a fresh one.

        Every early end of the wait cancels the computation at all nodes.
        """
        names = self._chosen(parties)
        given = inputs(names, data=data, dataset=dataset, column=column, columns=columns, where=where)
        network = str(uuid.uuid4()) if network is None else network
        fixed = _values.arguments(parameters or {}, "parameters")
        tasks = {name: Task(function, fixed, names, network, given[name]) for name in names}
        with drawn(progress, function, names) as report:
            async with self._nodes(names, timeout) as nodes:
                joint = Joint(nodes, tasks, network, Watch(report))
                outcomes = await joint.run(timeout)
        return agreed(function, network, _reports(outcomes, network))

    async def functions(self) -> Functions:
        """The functions that all nodes can compute together: a tuple that shows as a table."""
        by_party = await self._from_each(Node.functions)
        names = [{function.name for function in functions} for functions in by_party.values()]
        first = next(iter(by_party.values()))
        return Functions(one for one in first if all(one.name in known for known in names))

    async def members(self) -> Members:
        """All members, each as its own node tells; those that do not answer, too.

        It is a tuple that shows as a table.
        """
        async with self._nodes() as nodes:
            told = await asyncio.gather(*(outcome(_status, node) for node in nodes))
        pairs = zip(self._members, told, strict=True)
        return Members(_member_status(member, one) for member, one in pairs)

    async def datasets(self) -> Datasets:
        """The datasets that this client may see: by name, then by the party that has one.

        It is a dict of dicts that shows as a table.
        """
        by_name = Datasets()
        for party, datasets in (await self._from_each(Node.datasets)).items():
            for dataset in datasets:
                by_name.setdefault(dataset.name, {})[party] = dataset
        return by_name

    async def computations(
        self, *, state: str = "running", network: str | None = None, limit: int = _USUAL_LIMIT
    ) -> Computations:
        """This client's computations as each node tells of them; `state` may be `ended` or `all`.

        It is a tuple that shows as a table.
        """

        def ask(node: Node) -> Awaitable[tuple[Computation, ...]]:
            return node.computations(state=state, network=network, limit=limit)

        by_party = await self._from_each(ask)
        return Computations(one for computations in by_party.values() for one in computations)

    async def cancel(self, network: str) -> dict[str, bool]:
        """Cancels the computation of this name at all nodes, and says at which there was one to cancel.

        A node that is told to cancel tells the others, so that there may be none left at theirs.
        """
        by_party = await self._from_each(lambda node: node.cancel(network))
        return {party: count > 0 for party, count in by_party.items()}

    def _chosen(self, parties: Sequence[str] | None) -> tuple[str, ...]:
        if parties is None:
            return self.parties
        unknown = [name for name in parties if name not in self.parties]
        if unknown or not parties or len(set(parties)) != len(parties):
            raise UsageError(
                "`parties` names members, each once",
                hint=f"the members are {', '.join(self.parties)}",
            )
        return tuple(parties)

    def _nodes(
        self,
        names: Sequence[str] | None = None,
        timeout: float | None = None,
    ) -> AbstractAsyncContextManager[tuple[Node, ...]]:
        by_name = {member.name: member for member in self._members}
        members = tuple(by_name[name] for name in (self.parties if names is None else names))
        patience = max(self._patience, timeout or 0.0)
        return opened(members, self._contexts, patience, self._transport)

    async def _from_each(self, ask: Callable[[Node], Awaitable[T]]) -> dict[str, T]:
        """Returns each node's answer, or raises the first error in the members' order."""
        async with self._nodes() as nodes:
            told = await asyncio.gather(*(outcome(ask, node) for node in nodes))
        by_party = {}
        for party, one in zip(self.parties, told, strict=True):
            if isinstance(one, CloisterError):
                raise one
            by_party[party] = one
        return by_party


class Consortium:
    """All nodes of a consortium.

    Its calls wait until there is an answer. An interrupt (Ctrl-C, a notebook's stop button) cancels the
    computation at all nodes. It works where an event loop runs already, as in notebooks.
    """

    def __init__(
        self,
        members: Iterable[Member],
        *,
        deadline_seconds: float = USUAL_DEADLINE_SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport` carries the requests in the network's place, for tests."""
        self._all = AsyncConsortium(members, deadline_seconds=deadline_seconds, transport=transport)

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str] = "client.toml",
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> Consortium:
        """The consortium of a `client.toml` or `consortium.toml`, or of a folder with one of them."""
        file = ClientFile.read(path)
        return cls(file.members, deadline_seconds=file.deadline_seconds, transport=transport)

    @property
    def parties(self) -> tuple[str, ...]:
        """The members' names, in order."""
        return self._all.parties

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {', '.join(self.parties)}>"

    def compute(
        self,
        function: str,
        *,
        dataset: str | Mapping[str, str] | None = None,
        column: str | None = None,
        columns: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        where: Where | None = None,
        data: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        parties: Sequence[str] | None = None,
        timeout: float | None = None,
        progress: Wanted = None,
        network: str | None = None,
    ) -> Result:
        """Has all parties compute `function` together, and returns what all report alike.

        Each party brings `column` or `columns` of its node's `dataset` (of the rows that fulfil
        `where`), or what `data` has for it: values, or a `Selection`. `dataset`, `columns` and `data`
        may be mappings from party to its own. `parameters` are the function's, the same at all.

        `parties` names the parties that take part, in order; usually all. `timeout` is in seconds; without
        it the nodes' own deadline ends the wait. `progress` is True for a drawing, or a function that
        gets each `Progress`, in the thread of the caller. `network` is the computation's name at all
        nodes, usually a fresh one.

        Every early end of the wait cancels the computation at all nodes.
        """
        with drawn(progress, function, self._all.parties if parties is None else tuple(parties)) as report:
            return _blocking.run(
                lambda tell: self._all.compute(
                    function,
                    dataset=dataset,
                    column=column,
                    columns=columns,
                    where=where,
                    data=data,
                    parameters=parameters,
                    parties=parties,
                    timeout=timeout,
                    progress=tell if report is not None else None,
                    network=network,
                ),
                report,
            )

    def functions(self) -> Functions:
        """The functions that all nodes can compute together: a tuple that shows as a table."""
        return _blocking.run(lambda _: self._all.functions())

    def members(self) -> Members:
        """All members, each as its own node tells; those that do not answer, too.

        It is a tuple that shows as a table.
        """
        return _blocking.run(lambda _: self._all.members())

    def datasets(self) -> Datasets:
        """The datasets that this client may see: by name, then by the party that has one.

        It is a dict of dicts that shows as a table.
        """
        return _blocking.run(lambda _: self._all.datasets())

    def computations(
        self, *, state: str = "running", network: str | None = None, limit: int = _USUAL_LIMIT
    ) -> Computations:
        """This client's computations as each node tells of them; `state` may be `ended` or `all`.

        It is a tuple that shows as a table.
        """
        return _blocking.run(lambda _: self._all.computations(state=state, network=network, limit=limit))

    def cancel(self, network: str) -> dict[str, bool]:
        """Cancels the computation of this name at all nodes, and says at which there was one to cancel.

        A node that is told to cancel tells the others, so that there may be none left at theirs.
        """
        return _blocking.run(lambda _: self._all.cancel(network))


def _reports(outcomes: Mapping[str, Report | CloisterError], network: str) -> dict[str, Report]:
    """The reports, if all parties have one."""
    errors = {name: one for name, one in outcomes.items() if isinstance(one, CloisterError)}
    if errors:
        raise joint_failure(errors, network)
    return {name: one for name, one in outcomes.items() if isinstance(one, Report)}


def _warn_of_a_token_in_the_clear(member: Member) -> None:
    url = httpx.URL(member.api)
    if member.token is not None and url.scheme == "http" and not _is_loopback(url.host):
        warnings.warn(
            f"the token for {member.name} travels unencrypted to {url.host}: use https://",
            stacklevel=4,
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _status(node: Node) -> tuple[NodeStatus, tuple[Link, ...]]:
    return await node.status(), await node.links()


def _member_status(
    member: Member, told: tuple[NodeStatus, tuple[Link, ...]] | CloisterError
) -> MemberStatus:
    if isinstance(told, CloisterError):
        return MemberStatus(member.name, member.api, None, (), told)
    node, links = told
    return MemberStatus(member.name, member.api, node, links, None)
