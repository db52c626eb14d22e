from __future__ import annotations

import os
from pathlib import Path

import pytest

from cloister import AsyncConsortium, Consortium
from tests.fake import Fake
from tests.openapi import Description

IN_REPOSITORY = Path(__file__).parents[3] / "clients/openapi.json"


@pytest.fixture
def fake() -> Fake:
    fake = Fake("clinic-a", "clinic-b", "clinic-c")
    fake.datasets = {
        "clinic-a": {"age": [1, 2]},
        "clinic-b": {"age": [3], "years": [30]},
        "clinic-c": {"age": [4.5]},
    }
    return fake


@pytest.fixture
def consortium(fake: Fake) -> Consortium:
    return Consortium(fake.members(), transport=fake)


@pytest.fixture
def in_asyncio(fake: Fake) -> AsyncConsortium:
    return AsyncConsortium(fake.members(), transport=fake)


@pytest.fixture(scope="session")
def description() -> Description:
    """The description of the nodes' API."""
    named = os.environ.get("CLOISTER_TEST_OPENAPI")
    path = IN_REPOSITORY if named is None else Path(named)
    if named is None and not path.exists():
        pytest.skip("CLOISTER_TEST_OPENAPI names no OpenAPI document")
    return Description.read(path)


@pytest.fixture(scope="session")
def client_toml() -> Path:
    """The file of a consortium whose nodes run."""
    named = os.environ.get("CLOISTER_TEST_CLIENT")
    if named is None:
        pytest.skip("CLOISTER_TEST_CLIENT names no client.toml")
    return Path(named)
