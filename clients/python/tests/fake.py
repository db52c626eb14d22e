"""A consortium in one process: what cloister nodes answer, without nodes.

The nodes of a `Fake` share a computation as real ones do: it ends at none before all are there, and a
cancellation at one ends it at all. What they do otherwise than well, a test says.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from cloister import Member

STARTED = "2026-11-28T19:00:00.000Z"
TWELVE_LATER = "2026-11-28T19:00:12.500Z"
DEADLINE = "2026-11-28T19:01:00.000Z"
SESSION = "5e" * 32
WORDS = " ".join(["abandon"] * 24)

SECURITY = {
    "suite": "masked",
    "adversary": "all but one may be semi-honest",
    "corruptible": 2,
    "reveals": ["the number of rows <all together>"],
}
RULES = {"min_rows": 5, "min_parties": 2, "min_cell": 3, "max_share": 70, "client_columns": True}


class Settled:
    """An event for tasks in any event loop of any thread."""

    def __init__(self) -> None:
        self._is_set = False
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._lock = threading.Lock()

    def set(self) -> None:
        with self._lock:
            self._is_set = True
            for loop, event in self._waiting:
                # The loop of a client that has gone is closed.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(event.set)

    async def wait(self) -> None:
        event = asyncio.Event()
        with self._lock:
            if self._is_set:
                return
            self._waiting.append((asyncio.get_running_loop(), event))
        await event.wait()


@dataclass
class Run:
    """A joint computation."""

    function: str
    parties: list[str]
    data: dict[str, Any] = field(default_factory=dict)
    settled: Settled = field(default_factory=Settled)
    cancelled_by: str | None = None


@dataclass
class FakeNode:
    """The faults of one node."""

    name: str
    has_v1: bool = True
    reachable: bool = True
    hangs: bool = False
    """It never brings its data."""
    refusal: tuple[int, dict[str, Any]] | None = None
    fault: Callable[[httpx.Request], Awaitable[tuple[int, Any] | None]] | None = None
    """Comes before each answer: may wait, raise, or give another answer."""
    changes: Callable[[dict[str, Any]], None] = lambda _: None
    """Done to its report."""
    handles: dict[str, Any] = field(default_factory=dict)
    received: list[httpx.Request] = field(default_factory=list)
    runs: dict[str, str] = field(default_factory=dict)
    """The state of each computation by its network's name."""


class Fake(httpx.AsyncBaseTransport):
    """All nodes, in the network's place."""

    def __init__(self, *names: str) -> None:
        self.nodes = {name: FakeNode(name) for name in names}
        self.runs: dict[str, Run] = {}
        self.datasets: dict[str, dict[str, list[Any]]] = {}
        """The columns of each party's dataset `trial`."""
        self.answer: Callable[[Run], dict[str, Any]] = summed
        """Makes the answer of a computation of all parties' data."""
        self._numbers = itertools.count(1)

    def members(self, **more: Any) -> list[Member]:
        return [Member(name, f"http://{name}.test", **more) for name in self.nodes]

    async def until_begun(self, *names: str) -> None:
        """Waits until these nodes run a computation."""
        while not all("running" in self.nodes[name].runs.values() for name in names):
            await asyncio.sleep(0.005)

    def paths(self, name: str, method: str) -> list[str]:
        return [one.url.path for one in self.nodes[name].received if one.method == method]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        node = self.nodes[request.url.host.removesuffix(".test")]
        if not node.reachable:
            raise httpx.ConnectError("connection refused", request=request)
        node.received.append(request)
        await request.aread()
        instead = None if node.fault is None else await node.fault(request)
        status, answer = await self._answer(node, request) if instead is None else instead
        return httpx.Response(status, json=answer, request=request)

    async def _answer(self, node: FakeNode, request: httpx.Request) -> tuple[int, Any]:
        path = [unquote(part) for part in request.url.path.strip("/").split("/")]
        if path[0] == "v1" and node.has_v1:
            return self._v1(node, request, path[1:])
        body = json.loads(request.content or b"{}")
        match request.method, path:
            case "POST", ["representations"]:
                return 200, self._kept(node, tuple(body["kwargs"].items()))
            case "GET", ["representation", handle, method]:
                return 200, self._kept(node, (node.handles[handle], method))
            case "PATCH", ["representation", handle]:
                return await self._called(node, node.handles[handle], body["kwargs"])
            case "GET", ["representation", handle]:
                return 200, {"type": "object", "object": node.handles[handle]}
            case "DELETE", ["representation", handle]:
                del node.handles[handle]
                return 200, {"type": "none"}
        return error(404, "no_such_path", f"there is nothing at {request.url.path}")

    def _kept(self, node: FakeNode, value: Any) -> dict[str, str]:
        handle = f"00000000-0000-4000-8000-{next(self._numbers):012}"
        node.handles[handle] = value
        return {"type": "uuid", "uuid": handle}

    async def _called(self, node: FakeNode, method: Any, named: Any) -> tuple[int, Any]:
        if node.refusal is not None:
            return node.refusal
        if method[1] == "select":
            columns = [self.datasets[node.name][name] for name in named["columns"]]
            rows = list(zip(*columns, strict=True)) if len(columns) > 1 else columns[0]
            return 200, self._kept(node, rows)
        return await self._compute(node, named)

    async def _compute(self, node: FakeNode, named: Any) -> tuple[int, Any]:
        network = named["network"]
        assert network["nodes"][network["myself"]] == node.name
        name = network["uuid"]
        run = self.runs.setdefault(name, Run(named["microprotocol"], network["nodes"]))
        node.runs[name] = "running"
        data = named["data"]
        if isinstance(data, dict) and "representation_uuid" in data:
            data = node.handles[data["representation_uuid"]]
        if not node.hangs:
            run.data[node.name] = data
        if set(run.data) == set(run.parties):
            run.settled.set()
        await run.settled.wait()
        if run.cancelled_by is not None:
            node.runs[name] = "cancelled"
            return error(502, "cancelled", f"{run.cancelled_by} has cancelled it", party=run.cancelled_by)
        node.runs[name] = "done"
        report = self._report(run)
        node.changes(report)
        return 200, self._kept(node, report)

    def _report(self, run: Run) -> dict[str, Any]:
        return {
            "inputs": len(run.parties),
            "result": self.answer(run),
            "security": dict(SECURITY),
            "disclosure": {
                "profile": "teaching",
                "rules": dict(RULES),
                "decided_by": dict.fromkeys(RULES, run.parties[0]),
            },
            "cost": {
                "rounds": 2,
                "messages_sent": 3,
                "bytes_sent": 1000,
                "bytes_received": 1000,
                "seconds": 0.25,
            },
            "session": SESSION,
            "something_new": True,
        }

    def _v1(self, node: FakeNode, request: httpx.Request, path: list[str]) -> tuple[int, Any]:
        match request.method, path:
            case "GET", ["node"]:
                return 200, self._node(node)
            case "GET", ["members"]:
                return 200, {"members": [self._member(node, name) for name in self.nodes]}
            case "GET", ["functions"]:
                return 200, {"functions": [FUNCTION]}
            case "GET", ["datasets"]:
                named = {"kind": "number", "missing": "none"}
                columns = [{"name": name, **named} for name in self.datasets[node.name]]
                trial = {"name": "trial", "rows": 20, "columns": columns}
                return 200, {"datasets": [trial]}
            case "GET", ["computations"]:
                return 200, {"computations": self._listed(node, request.url.params)}
            case "DELETE", ["computations", name]:
                return self._cancelled(node, name)
        return error(404, "no_such_path", f"there is nothing at {request.url.path}")

    def _listed(self, node: FakeNode, query: httpx.QueryParams) -> list[dict[str, Any]]:
        return [
            self._summary(node, name, state)
            for name, state in node.runs.items()
            if query.get("network", name) == name
            and query["state"] in ("all", "running" if state == "running" else "ended")
        ]

    def _cancelled(self, node: FakeNode, wanted: str) -> tuple[int, Any]:
        by_id = {identifier(name, node.name): name for name in node.runs}
        name = by_id.get(wanted)
        if name is None:
            return error(404, "no_such_computation", "there is no such computation")
        if node.runs[name] != "running":
            return error(409, "already_ended", "it has ended")
        run = self.runs[name]
        run.cancelled_by = node.name
        run.settled.set()
        for other in self.nodes.values():
            if name in other.runs:
                other.runs[name] = "cancelled"
        return 200, {"cancelled": True}

    def _summary(self, node: FakeNode, name: str, state: str) -> dict[str, Any]:
        run = self.runs[name]
        awaited = [party for party in run.parties if party not in run.data]
        waiting = {"parties": awaited, "for": "agreeing", "since": TWELVE_LATER}
        return {
            "id": identifier(name, node.name),
            "session": None,
            "network": name,
            "run": 1,
            "function": run.function,
            "suite": "masked",
            "principal": "anybody",
            "dataset": None,
            "members": run.parties,
            "helpers": [],
            "me": node.name,
            "state": "agreeing" if state == "running" else state,
            "round": 0,
            "step": "agreeing" if state == "running" else "",
            "waiting": waiting if awaited and state == "running" else None,
            "started": STARTED,
            "ended": None if state == "running" else TWELVE_LATER,
            "deadline": DEADLINE,
            "error": None,
            "cost": None,
        }

    def _node(self, node: FakeNode) -> dict[str, Any]:
        return {
            "party": node.name,
            "version": "0.1.0",
            "protocol": 7,
            "profile": "teaching",
            "started": STARTED,
            "now": TWELVE_LATER,
            "deadline_seconds": 60.0,
            "consortium": "c0" * 32,
            "access": "open",
            "principal": {"name": "anybody", "rights": ["compute", "upload"]},
            "certificate": {"fingerprint": "f1" * 32, "words": WORDS, "days_left": 364},
            "computations": {"running": 0, "waiting": 0},
            "disk_free_bytes": 1,
            "memory_bytes": None,
        }

    def _member(self, node: FakeNode, name: str) -> dict[str, Any]:
        link = {
            "state": "up" if self.nodes[name].reachable else "down",
            "since": STARTED,
            "problem": None,
            "round_trip_seconds": 0.0004,
            "dials": 3,
            "certificate_days_left": 300,
            "version": "0.1.0",
        }
        return {
            "name": name,
            "api": f"http://{name}.test",
            "peer": "127.0.0.1:9001",
            "self": name == node.name,
            "fingerprints": [{"hex": "f1" * 32, "words": WORDS}],
            "link": None if name == node.name else link,
        }


def summed(run: Run) -> dict[str, Any]:
    """The sum of all parties' numbers."""
    return {"sum": float(sum(itertools.chain(*(data or [] for data in run.data.values()))))}


def identifier(network: str, party: str) -> str:
    """A node's own name of a computation."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{network}@{party}"))


FUNCTION = {
    "name": "SecureSum",
    "summary": "the sum of all numbers",
    "input": "numbers",
    "takes": "one column of numbers",
    "columns": [1, 1],
    "suites": ["masked"],
    "result_keys": ["sum"],
    "reveals": [],
    "parameters": [{"name": "digits_before", "type": "number", "required": False, "summary": "the range"}],
}


def error(
    status: int, code: str, message: str, *, hint: str = "", party: str | None = None
) -> tuple[int, dict[str, Any]]:
    document = {
        "code": code,
        "message": message,
        "hint": hint,
        "party": party,
        "trace": "7ace" * 8,
    }
    return status, document


@contextlib.contextmanager
def interrupted_when(is_so: Callable[[], bool]) -> Iterator[None]:
    """Interrupts what runs within as a user does at a terminal, once something is so."""
    main = threading.main_thread().ident
    assert main is not None

    def interrupt() -> None:
        while not is_so():
            time.sleep(0.005)
        signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=interrupt, daemon=True)
    # A shell has what it runs in the background ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            yield
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)
