"""Against three real nodes of the profile `teaching`, whose client.toml `CLOISTER_TEST_CLIENT` names.

Each has a dataset `trial` with the numbers `age` and `risk` in 20 rows or more. Whatever a test exchanges
with them is compared with the OpenAPI document afterwards.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import signal
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cloister import (
    AsyncConsortium,
    ComputationFailed,
    ComputationTimedOut,
    Consortium,
    InvalidRequest,
    Progress,
)
from cloister._config import ClientFile
from tests.openapi import Description, Recorder


class Holding(httpx.AsyncBaseTransport):
    """Lets no call of a method through to this party's node, so that it never takes part."""

    def __init__(self, api: str) -> None:
        self._held = httpx.URL(api)
        self._by = PerLoop()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        held = request.url.host == self._held.host and request.url.port == self._held.port
        if held and request.method == "PATCH":
            await asyncio.Event().wait()
        return await self._by.handle_async_request(request)


class PerLoop(httpx.AsyncBaseTransport):
    """A transport for each request, since each call of a consortium has its own event loop."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with httpx.AsyncHTTPTransport() as transport:
            response = await transport.handle_async_request(request)
            await response.aread()
        return response


@pytest.fixture
def recorder(description: Description) -> Iterator[Recorder]:
    recorder = Recorder(PerLoop())
    yield recorder
    assert recorder.exchanges
    assert recorder.problems(description) == []


@pytest.fixture
def consortium(client_toml: Path, recorder: Recorder) -> Consortium:
    return Consortium.from_file(client_toml, transport=recorder)


@pytest.fixture
def numbers(client_toml: Path) -> dict[str, list[float]]:
    parties = Consortium.from_file(client_toml).parties
    return {name: [float(position), 0.5] for position, name in enumerate(parties)}


def test_values_of_ones_own_are_summed(consortium: Consortium, numbers: dict[str, list[float]]) -> None:
    result = consortium.compute("SecureSum", data=numbers)
    assert result["sum"] == math.fsum(itertools.chain(*numbers.values()))
    assert result.parties == consortium.parties
    assert set(result.reports) == set(numbers)
    assert result.disclosure.profile == "teaching"
    assert result.cost.rounds > 0
    assert result.security.suite == "masked"


def test_columns_of_a_dataset_are_described(consortium: Consortium) -> None:
    result = consortium.compute("StatisticsUnivariate", dataset="trial", column="age")
    assert result["minimum"] <= result["mean"] <= result["maximum"]
    assert result["samples"] >= 60
    assert result.security.suite == "replicated"
    assert result.security.reveals


def test_two_columns_of_chosen_rows(consortium: Consortium) -> None:
    every = consortium.compute("StatisticsBivariate", dataset="trial", columns=["age", "risk"])
    some = consortium.compute(
        "StatisticsBivariate",
        dataset="trial",
        columns=["age", "risk"],
        where={"column": "age", "op": ">=", "value": 45},
    )
    assert 0 < some["samples"] < every["samples"]


def test_a_table_as_a_frame(consortium: Consortium) -> None:
    pytest.importorskip("pandas")
    pairs = [["f", "yes"], ["m", "no"], ["m", "no"]]
    data = dict.fromkeys(consortium.parties, pairs)
    frame = consortium.compute("StatisticsContingency", data=data).to_frame()
    assert frame.loc["m", "no"] == 6


def test_parameters_are_taken(consortium: Consortium, numbers: dict[str, list[float]]) -> None:
    result = consortium.compute("Quantiles", data=numbers, parameters={"probabilities": [0.0, 1.0]})
    assert result["samples"] == 6
    assert len(result["quantiles"]) == 2


def test_several_at_once_in_asyncio(
    client_toml: Path, recorder: Recorder, numbers: dict[str, list[float]]
) -> None:
    consortium = AsyncConsortium.from_file(client_toml, transport=recorder)

    async def main() -> set[float]:
        three = (consortium.compute("SecureSum", data=numbers) for _ in range(3))
        return {result["sum"] for result in await asyncio.gather(*three)}

    assert len(asyncio.run(main())) == 1


def test_without_a_transport_of_ones_own(client_toml: Path, numbers: dict[str, list[float]]) -> None:
    consortium = Consortium.from_file(client_toml)
    assert consortium.compute("SecureSum", data=numbers, progress=lambda _: None).session


def test_all_members_are_ready(consortium: Consortium) -> None:
    members = consortium.members()
    assert all(member.ready for member in members)
    assert len({member.node.consortium for member in members if member.node is not None}) == 1
    assert [len(member.links) for member in members] == [len(members) - 1] * len(members)


def test_functions_and_datasets_are_told(consortium: Consortium) -> None:
    assert "SecureSum" in {function.name for function in consortium.functions()}
    by_party = consortium.datasets()["trial"]
    assert set(by_party) == set(consortium.parties)
    for dataset in by_party.values():
        assert {"age", "risk"} <= {column.name for column in dataset.columns}


def test_what_is_not_there_is_said(consortium: Consortium) -> None:
    with pytest.raises(ComputationFailed, match="no_such_function") as caught:
        consortium.compute("Alchemy", dataset="trial", column="age")
    assert isinstance(caught.value.reason, InvalidRequest)
    assert caught.value.trace
    with pytest.raises(ComputationFailed, match="no_such_dataset"):
        consortium.compute("SecureSum", dataset="none", column="age")


def test_everybody_waits_for_whoever_is_late_and_the_end_of_the_time_cancels(
    client_toml: Path, description: Description, numbers: dict[str, list[float]]
) -> None:
    late = ClientFile.read(client_toml).members[1]
    recorder = Recorder(Holding(late.api))
    consortium = Consortium.from_file(client_toml, transport=recorder)
    network = str(uuid.uuid4())
    heard: list[Progress] = []
    with pytest.raises(ComputationTimedOut):
        consortium.compute("SecureSum", data=numbers, network=network, progress=heard.append, timeout=15)
    waits = [one for one in heard if one.waiting_for == (late.name,)]
    assert {one.party for one in waits} == set(numbers) - {late.name}
    assert str(waits[0]).startswith(f"{waits[0].party}: waiting for {late.name} since 00:0")
    assert ended(client_toml, network) == {"cancelled"}
    assert recorder.problems(description) == []


def test_an_interrupt_cancels_at_all_nodes(client_toml: Path, numbers: dict[str, list[float]]) -> None:
    late = ClientFile.read(client_toml).members[1]
    consortium = Consortium.from_file(client_toml, transport=Holding(late.api))
    network = str(uuid.uuid4())
    main = threading.main_thread().ident
    assert main is not None
    once = threading.Lock()

    def interrupt(progress: Progress) -> None:
        if progress.waiting_for and once.acquire(blocking=False):
            signal.pthread_kill(main, signal.SIGINT)

    # A shell has what it runs in the background ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            consortium.compute("SecureSum", data=numbers, network=network, progress=interrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended(client_toml, network) == {"cancelled"}


def ended(client_toml: Path, network: str) -> set[str]:
    """The states of a computation at the nodes that know it; each has ended."""
    computations = Consortium.from_file(client_toml).computations(state="all", network=network)
    assert len(computations) == 2
    return {computation.state for computation in computations}


def test_a_refusal_that_comes_amid_large_bodies_is_raised(client_toml: Path) -> None:
    consortium = Consortium.from_file(client_toml)
    with pytest.raises(ComputationFailed) as caught:
        consortium.compute("SecureSum", data=dict.fromkeys(consortium.parties, [1 << 52] * 5_000_000))
    codes = {error.code for error in caught.value.errors.values()}
    assert codes == {"body_too_large"}, caught.value
    assert "limits.body_bytes" in str(caught.value)
