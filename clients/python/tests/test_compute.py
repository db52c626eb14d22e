"""Joint computations that succeed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from cloister import AsyncConsortium, Consortium, Selection, UsageError
from tests.fake import SESSION, Fake

NUMBERS = {"clinic-a": [1, 2], "clinic-b": [3], "clinic-c": [4.5]}


def test_all_parties_compute_with_a_column_of_a_dataset(consortium: Consortium, fake: Fake) -> None:
    result = consortium.compute("SecureSum", dataset="trial", column="age")
    assert result["sum"] == 10.5
    assert result.values == result.result == {"sum": 10.5}
    assert list(result) == ["sum"]
    assert len(result) == 1
    assert result.parties == tuple(fake.nodes)
    assert result.session == SESSION


def test_the_same_in_asyncio(in_asyncio: AsyncConsortium) -> None:
    result = asyncio.run(in_asyncio.compute("SecureSum", dataset="trial", column="age"))
    assert result["sum"] == 10.5


def test_it_works_where_a_loop_runs_already(consortium: Consortium) -> None:
    async def main() -> float:
        return float(consortium.compute("SecureSum", data=NUMBERS)["sum"])

    assert asyncio.run(main()) == 10.5


def test_each_node_gets_its_own_partys_data_and_no_others(consortium: Consortium, fake: Fake) -> None:
    consortium.compute("SecureSum", data=NUMBERS)
    for name, node in fake.nodes.items():
        [call] = [one for one in node.received if one.method == "PATCH"]
        assert json.loads(call.content)["kwargs"]["data"] == NUMBERS[name]


def test_what_is_not_needed_any_more_is_given_back(consortium: Consortium, fake: Fake) -> None:
    consortium.compute("SecureSum", dataset="trial", column="age")
    for node in fake.nodes.values():
        services = [value for value in node.handles.values() if not isinstance(value[0], str)]
        assert len(services) == len(node.handles) == 2, "the node's own two services are left"


def test_each_party_may_have_columns_of_its_own(consortium: Consortium) -> None:
    columns = {"clinic-a": ["age"], "clinic-b": ["years"], "clinic-c": ["age"]}
    assert consortium.compute("SecureSum", dataset="trial", columns=columns)["sum"] == 37.5


def test_selections_and_values_mix(consortium: Consortium) -> None:
    data: dict[str, Any] = {**NUMBERS, "clinic-b": Selection("trial", ["years"])}
    assert consortium.compute("SecureSum", data=data)["sum"] == 37.5


def test_a_condition_goes_to_every_node(consortium: Consortium, fake: Fake) -> None:
    adults = {"column": "age", "op": ">=", "value": 18}
    consortium.compute("SecureSum", dataset="trial", column="age", where=adults)
    for node in fake.nodes.values():
        selecting = next(one for one in node.received if one.method == "PATCH")
        assert json.loads(selecting.content)["kwargs"]["where"] == adults


def test_none_is_a_party_that_brings_nothing(consortium: Consortium, fake: Fake) -> None:
    data: dict[str, Any] = {**NUMBERS, "clinic-b": None}
    consortium.compute("SecureSum", data=data)
    [call] = [one for one in fake.nodes["clinic-b"].received if one.method == "PATCH"]
    assert json.loads(call.content)["kwargs"]["data"] == []


def test_some_parties_compute_in_an_order_of_ones_own(consortium: Consortium, fake: Fake) -> None:
    data = {"clinic-c": [1], "clinic-a": [2]}
    result = consortium.compute("SecureSum", data=data, parties=["clinic-c", "clinic-a"])
    assert result.parties == ("clinic-c", "clinic-a")
    assert not fake.nodes["clinic-b"].received


def test_parameters_and_the_name_of_the_computation_are_the_same_at_all(
    consortium: Consortium, fake: Fake
) -> None:
    parameters = {"digits_before": 3}
    result = consortium.compute("SecureSum", data=NUMBERS, parameters=parameters, network="monday")
    assert result.network == "monday"
    for node in fake.nodes.values():
        [call] = [one for one in node.received if one.method == "PATCH"]
        arguments = json.loads(call.content)["kwargs"]
        assert arguments["parameters"] == parameters
        assert arguments["network"]["uuid"] == "monday"


def test_every_computation_has_a_name_of_its_own(consortium: Consortium) -> None:
    names = {consortium.compute("SecureSum", data=NUMBERS).network for _ in range(2)}
    assert len(names) == 2


def test_costs_are_added_up(consortium: Consortium) -> None:
    cost = consortium.compute("SecureSum", data=NUMBERS).cost
    assert (cost.rounds, cost.bytes_sent, cost.seconds) == (2, 3000, 0.25)
    assert cost.preparation is None


def test_arrays_become_lists(consortium: Consortium) -> None:
    pandas = pytest.importorskip("pandas")
    data = {
        "clinic-a": pandas.Series([1, 2]),
        "clinic-b": pandas.Series([3]).to_numpy(),
        "clinic-c": (4.5,),
    }
    assert consortium.compute("SecureSum", data=data)["sum"] == 10.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing to compute with"),
        ({"dataset": "trial"}, "either `column` or `columns`"),
        ({"dataset": "trial", "column": "a", "columns": ["b"]}, "either `column` or `columns`"),
        ({"dataset": "trial", "columns": "age"}, "list of names"),
        ({"dataset": "trial", "columns": []}, "no column"),
        ({"data": NUMBERS, "column": "age"}, "`data` stands alone"),
        ({"data": [1, 2]}, "mapping from party"),
        ({"data": {**NUMBERS, "clinic-d": [1]}}, "clinic-d"),
        ({"data": {"clinic-a": [1]}}, "nothing for clinic-b"),
        ({"data": {**NUMBERS, "clinic-a": [1, float("inf")]}}, r"inf is no number .*clinic-a, item 1"),
        ({"data": NUMBERS, "parameters": {"bounds": [float("nan")]}}, "nan is no number .*`parameters`"),
        ({"data": {**NUMBERS, "clinic-a": [object()]}}, "cannot be handed to a node"),
        ({"data": NUMBERS, "parties": ["clinic-d"]}, "`parties` names members"),
        ({"data": NUMBERS, "progress": "yes"}, "`progress`"),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_node_is_asked(
    consortium: Consortium, fake: Fake, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        consortium.compute("SecureSum", **arguments)
    assert not any(node.received for node in fake.nodes.values())


def test_tokens_go_to_their_nodes_and_nowhere_else(fake: Fake) -> None:
    members = [
        type(one)(one.name, one.api.replace("http://", f"https://me:token-of-{one.name}@"))
        for one in fake.members()
    ]
    consortium = Consortium(members, transport=fake)
    consortium.compute("SecureSum", data=NUMBERS)
    for name, node in fake.nodes.items():
        sent = {request.headers["Authorization"] for request in node.received}
        assert sent == {f"Bearer token-of-{name}"}
        assert not any("token" in str(request.url) for request in node.received)
    assert "token-of" not in repr((members, consortium, vars(consortium)))


def test_the_environments_proxies_are_not_used(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.test:1")
    made: list[dict[str, Any]] = []
    original = httpx.AsyncClient.__init__

    def spy(self: httpx.AsyncClient, **named: Any) -> None:
        made.append(named)
        original(self, **named)

    monkeypatch.setattr(httpx.AsyncClient, "__init__", spy)
    Consortium(fake.members(), transport=fake).compute("SecureSum", data=NUMBERS)
    assert all(one["trust_env"] is False for one in made)
