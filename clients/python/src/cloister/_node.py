"""A client of one node: its requests, typed, with an end to every wait.

It pushes data and downloads results. It holds handles to objects on the node, and gives them back. The
other parties are `_consortium`'s concern.
"""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from cloister import _early, _errors
from cloister._config import Member
from cloister._documents import Document, Malformed
from cloister._errors import AlienAnswer, CloisterError, NoAnswer, Unreachable, Untrusted, reason_of
from cloister._inputs import Input, Selection
from cloister._results import Report
from cloister._views import Computation, Dataset, Function, Link, NodeStatus

T = TypeVar("T")

_CONNECT_SECONDS = 5.0
"""The longest time to connect."""

_QUICK_SECONDS = 10.0
"""The longest time of a request that computes nothing."""

_LONGEST_ANSWER = 1 << 30
"""In bytes."""

_ANY_NUMBER_OF_COMPUTATIONS = 100


@dataclass(frozen=True)
class Task:
    """One party's part in a joint computation."""

    function: str
    parameters: Mapping[str, Any]
    parties: tuple[str, ...]
    """All parties, in the same order at all."""
    network: str
    """The name of the computation, the same at all parties."""
    input: Input
    """This party's input."""

    def arguments(self, party: str, data: Any) -> dict[str, Any]:
        """The arguments of `compute` at a party's node."""
        myself = self.parties.index(party)
        return {
            "microprotocol": self.function,
            "data": data,
            "network": {"nodes": list(self.parties), "uuid": self.network, "myself": myself},
            "parameters": dict(self.parameters),
        }


class Node:
    """One node. It lives as long as the connections of `opened`."""

    def __init__(self, member: Member, http: httpx.AsyncClient, patience: float) -> None:
        self.name = member.name
        self._api = member.api
        self._http = http
        self._patience = patience

    def __repr__(self) -> str:
        return f"<Node {self.name} at {self._api}>"

    async def compute(self, task: Task, begin: Callable[[], None] = lambda: None) -> Report:
        """Takes part in a joint computation; returns when it has ended.

        Calls `begin` before the request that has the node begin. An error of `begin` keeps it from that.
        """
        simon = self._service({"protocol": "Simon"}, "compute")
        async with simon as compute, self._data(task.input) as data:
            begin()
            result = await self._call(compute, task.arguments(self.name, data))
        async with self._released(result):
            answer = await self._send("GET", f"/representation/{result}", self._patience)
        return self._read(lambda: Report.read(self.name, _typed(answer, "object")["object"]))

    async def status(self) -> NodeStatus:
        """The node's own status."""
        answer = await self._get("/v1/node")
        return self._read(lambda: NodeStatus.read(Document(answer, "the node")))

    async def links(self) -> tuple[Link, ...]:
        """The node's links to the other members."""
        answer = await self._get("/v1/members")

        def read() -> tuple[Link, ...]:
            members = Document(answer, "the answer").documents("members")
            links = ((one.text("name"), one.document_or_none("link")) for one in members)
            return tuple(Link.read(name, link) for name, link in links if link is not None)

        return self._read(read)

    async def datasets(self) -> tuple[Dataset, ...]:
        """The datasets that this client may see."""
        answer = await self._get("/v1/datasets")

        def read() -> tuple[Dataset, ...]:
            documents = Document(answer, "the answer").documents("datasets")
            return tuple(Dataset.read(self.name, document) for document in documents)

        return self._read(read)

    async def functions(self) -> tuple[Function, ...]:
        """The functions that the node can compute with others."""
        answer = await self._get("/v1/functions")

        def read() -> tuple[Function, ...]:
            documents = Document(answer, "the answer").documents("functions")
            return tuple(map(Function.read, documents))

        return self._read(read)

    async def computations(
        self,
        *,
        state: str = "all",
        network: str | None = None,
        limit: int = _ANY_NUMBER_OF_COMPUTATIONS,
    ) -> tuple[Computation, ...]:
        """The node's computations, the newest first."""
        query = {"state": state, "limit": str(limit)}
        if network is not None:
            query["network"] = network
        answer = await self._get("/v1/computations", query)

        def read() -> tuple[Computation, ...]:
            documents = Document(answer, "the answer").documents("computations")
            return tuple(Computation.read(self.name, document) for document in documents)

        return self._read(read)

    async def cancel(self, network: str) -> int:
        """Cancels the computations under this name, and returns their number."""
        cancelled = 0
        for computation in await self.computations(state="running", network=network):
            try:
                await self._send("DELETE", f"/v1/computations/{quote(computation.id, safe='')}")
            except CloisterError as error:
                # It has ended meanwhile, by itself or because another node has told it.
                if error.code not in ("already_ended", "no_such_computation"):
                    raise
            else:
                cancelled += 1
        return cancelled

    @contextlib.asynccontextmanager
    async def _data(self, given: Input) -> AsyncIterator[Any]:
        """The data argument of a call: values, or a reference to a selection."""
        if not isinstance(given, Selection):
            yield given.values
            return
        arguments = {
            "dataset": given.dataset,
            "columns": list(given.columns),
            "where": given.where,
        }
        async with self._service({"microservice": "Datasets"}, "select") as select:
            selection = await self._call(select, arguments)
        async with self._released(selection):
            yield {"representation_uuid": selection}

    @contextlib.asynccontextmanager
    async def _service(self, requirements: Mapping[str, str], method: str) -> AsyncIterator[str]:
        """A method of a microservice. The service itself is the node's, and stays."""
        body = {"args": [], "kwargs": requirements}
        service = self._handle(await self._send("POST", "/representations", body=body))
        attribute = self._handle(await self._get(f"/representation/{service}/{method}"))
        async with self._released(attribute):
            yield attribute

    async def _call(self, method: str, arguments: Mapping[str, Any]) -> str:
        body = {"args": [], "kwargs": arguments}
        return self._handle(
            await self._send("PATCH", f"/representation/{method}", self._patience, body=body)
        )

    @contextlib.asynccontextmanager
    async def _released(self, handle: str) -> AsyncIterator[None]:
        yield
        # A handle that is not given back expires on the node. So nothing more is asked after a failure.
        with contextlib.suppress(CloisterError):
            await self._send("DELETE", f"/representation/{handle}")

    async def _get(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        return await self._send("GET", path, query=query)

    async def _send(
        self,
        method: str,
        path: str,
        seconds: float = _QUICK_SECONDS,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = {} if content is None else {"Content-Type": "application/json"}
        request = self._http.build_request(
            method,
            f"{self._api}{path}",
            params=query,
            content=content,
            headers=headers,
            timeout=httpx.Timeout(seconds, connect=_CONNECT_SECONDS),
        )
        try:
            response = await self._http.send(request, stream=True)
            try:
                received = await self._bounded(response)
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            early = await self._early(error, request)
            if early is None:
                raise self._unsent(error, seconds) from error
            return self._answer(*early)
        return self._answer(response.status_code, received)

    async def _early(self, error: httpx.HTTPError, request: httpx.Request) -> tuple[int, bytes] | None:
        """The refusal that a node has told amid a large body, if it has told one."""
        if not _early.may_have_come(error, request):
            return None
        return await _early.refusal(self._http, request)

    async def _bounded(self, response: httpx.Response) -> bytes:
        received = bytearray()
        async for piece in response.aiter_bytes():
            received += piece
            if len(received) > _LONGEST_ANSWER:
                raise self._alien(f"its answer is longer than {_LONGEST_ANSWER} bytes")
        return bytes(received)

    def _answer(self, status: int, received: bytes) -> Any:
        try:
            answer = json.loads(received)
        except ValueError:
            raise self._alien(f"status {status}, and no JSON") from None
        if status == httpx.codes.OK:
            return answer

        def refusal() -> CloisterError:
            document = Document(answer, "the error")
            return _errors.of_status(status)(
                document.text("message"),
                status=status,
                code=document.text("code"),
                hint=document.text_or_none("hint") or "",
                party=document.text_or_none("party"),
                trace=document.text_or_none("trace"),
                at=self.name,
            )

        raise self._read(refusal)

    def _handle(self, answer: Any) -> str:
        handle = self._read(lambda: _typed(answer, "uuid")["uuid"])
        if not isinstance(handle, str):
            raise self._alien("a handle is no text")
        return quote(handle, safe="")

    def _read(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except Malformed as error:
            raise self._alien(str(error)) from None

    def _alien(self, reason: str) -> AlienAnswer:
        return AlienAnswer(
            f"{self._api} does not answer as a cloister node does: {reason}",
            hint="see that client.toml has the URL of the party's node",
            party=self.name,
            at=self.name,
        )

    def _unsent(self, error: httpx.HTTPError, seconds: float) -> Unreachable:
        untrusted = _cause(error, ssl.SSLCertVerificationError)
        if untrusted is not None:
            return Untrusted(
                f"{self._api} is not trusted: {reason_of(untrusted)}",
                hint="ask the party's operator for the certificate's fingerprint, by another way",
                party=self.name,
                at=self.name,
            )
        if isinstance(error, (httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout)):
            return NoAnswer(
                f"{self._api} gave no answer within {seconds:g} s",
                hint="see what the node's log says",
                party=self.name,
                at=self.name,
            )
        return Unreachable(
            f"no node answers at {self._api}: {reason_of(_cause(error, ssl.SSLError) or error)}",
            hint="start the party's node, and see that client.toml has its URL",
            party=self.name,
            at=self.name,
        )


@contextlib.asynccontextmanager
async def opened(
    members: tuple[Member, ...],
    contexts: Mapping[str, ssl.SSLContext],
    patience: float,
    transport: httpx.AsyncBaseTransport | None,
) -> AsyncIterator[tuple[Node, ...]]:
    """Clients of these members' nodes. All connections end with the block."""
    async with contextlib.AsyncExitStack() as stack:
        nodes = []
        for member in members:
            # Neither proxies nor authorities from the environment: the file says whom to ask.
            http = httpx.AsyncClient(
                headers=_headers(member),
                verify=contexts[member.name],
                trust_env=False,
                transport=transport,
            )
            if transport is None:
                await stack.enter_async_context(http)
            nodes.append(Node(member, http, patience))
        yield tuple(nodes)


async def outcome(ask: Callable[[Node], Awaitable[T]], node: Node) -> T | CloisterError:
    """Returns the outcome of asking a node: its answer or its error."""
    try:
        return await ask(node)
    except CloisterError as error:
        return error


def _headers(member: Member) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": "cloister-client"}
    if member.token is not None:
        headers["Authorization"] = f"Bearer {member.token.reveal()}"
    return headers


def _typed(answer: Any, kind: str) -> Mapping[str, Any]:
    document = Document(answer, "the answer")
    if document.text("type") != kind or kind not in document.entries:
        raise Malformed(f"no {kind} came")
    return document.entries


def _cause(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    """The error of this kind from which another follows."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, kind):
        seen = seen.__cause__ or seen.__context__
    return seen
