from __future__ import annotations

import pytest

from cloister import AsyncConsortium, Consortium
from tests.fake import Fake


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
