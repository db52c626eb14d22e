"""Views of nodes."""

from __future__ import annotations

import asyncio

import pytest

from cloister import AsyncConsortium, Consortium, InvalidRequest, Unreachable
from tests.fake import FUNCTION, Fake


def test_functions_that_all_nodes_have(consortium: Consortium) -> None:
    [function] = consortium.functions()
    assert function.name == FUNCTION["name"]
    assert function.parameters[0].name == "digits_before"
    assert not function.parameters[0].required


def test_datasets_by_name_and_party(consortium: Consortium) -> None:
    datasets = consortium.datasets()
    assert set(datasets) == {"trial"}
    assert [column.name for column in datasets["trial"]["clinic-b"].columns] == ["age", "years"]
    assert datasets["trial"]["clinic-a"].columns[0].kind == "number"


def test_members_are_told_of_even_if_one_is_gone(consortium: Consortium, fake: Fake) -> None:
    assert all(member.ready for member in consortium.members())
    fake.nodes["clinic-b"].reachable = False
    a, b, _ = consortium.members()
    assert not a.ready
    assert [link.state for link in a.links] == ["down", "up"]
    assert isinstance(b.error, Unreachable)
    assert b.node is None
    assert not b.ready


def test_the_same_in_asyncio(in_asyncio: AsyncConsortium) -> None:
    async def main() -> None:
        assert len(await in_asyncio.functions()) == 1
        assert set(await in_asyncio.datasets()) == {"trial"}
        assert len(await in_asyncio.members()) == 3
        assert await in_asyncio.computations(state="all") == ()
        assert not any((await in_asyncio.cancel("none")).values())

    asyncio.run(main())


def test_a_node_that_does_not_tell_is_an_error(consortium: Consortium, fake: Fake) -> None:
    fake.nodes["clinic-c"].has_v1 = False
    with pytest.raises(InvalidRequest, match="clinic-c: there is nothing at /v1/functions"):
        consortium.functions()
