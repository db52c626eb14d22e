"""Every request of the package, and every answer of the tests' nodes, is as the OpenAPI document says.

The document is the one that `CLOISTER_TEST_OPENAPI` names, or else the repository's own.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from cloister import CloisterError, Consortium
from tests.fake import Fake, error, interrupted_when
from tests.openapi import Description, Recorder

NUMBERS = {"clinic-a": [1, 2], "clinic-b": [3], "clinic-c": [4.5]}

TINY: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/things/{id}": {
            "parameters": [{"name": "id", "in": "path", "schema": {"type": "string"}}],
            "post": {
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 9}}
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"type": "object"}}},
                },
                "responses": {"200": {"$ref": "#/components/responses/Thing"}},
            },
        },
    },
    "components": {
        "responses": {
            "Thing": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}
        },
        "schemas": {
            "Thing": {"properties": {"next": {"$ref": "#/components/schemas/Name"}}},
            "Name": {"type": "string"},
        },
    },
}


@pytest.fixture
def recorder(fake: Fake) -> Recorder:
    return Recorder(fake)


@pytest.fixture
def consortium(fake: Fake, recorder: Recorder) -> Consortium:
    return Consortium(fake.members(), transport=recorder)


def test_computations_are_as_described(
    consortium: Consortium, recorder: Recorder, description: Description
) -> None:
    adults = {"column": "age", "op": ">=", "value": 0}
    consortium.compute("SecureSum", data=NUMBERS, parameters={"digits_before": 3})
    consortium.compute("SecureSum", dataset="trial", column="age", where=adults)
    assert len(recorder.exchanges) == 3 * (6 + 11)
    assert recorder.problems(description) == []


def test_views_are_as_described(
    consortium: Consortium, recorder: Recorder, description: Description
) -> None:
    consortium.functions()
    consortium.datasets()
    consortium.members()
    for state in ("running", "ended", "all"):
        consortium.computations(state=state, limit=5)
    assert recorder.problems(description) == []


def test_progress_and_cancelling_are_as_described(
    consortium: Consortium, fake: Fake, recorder: Recorder, description: Description
) -> None:
    fake.nodes["clinic-b"].hangs = True
    with interrupted_when(
        lambda: any("/v1/computations" in fake.paths(name, "GET") for name in fake.nodes)
    ):
        consortium.compute("SecureSum", data=NUMBERS, progress=lambda _: None)
    methods = {request.method for request, _ in recorder.exchanges}
    assert "DELETE" in methods
    assert recorder.problems(description) == []


def test_refusals_are_as_described(
    consortium: Consortium, fake: Fake, recorder: Recorder, description: Description
) -> None:
    fake.nodes["clinic-b"].refusal = error(403, "refused_by_policy", "no")
    with pytest.raises(CloisterError):
        consortium.compute("SecureSum", data=NUMBERS)
    statuses = {response.status_code for _, response in recorder.exchanges}
    assert 403 in statuses
    assert recorder.problems(description) == []


@pytest.mark.parametrize(
    ("method", "url", "sent", "status", "answer", "problem"),
    [
        ("POST", "/things/7?limit=9", {}, 200, {"next": "8"}, None),
        ("GET", "/things/7", None, 200, {}, "no such operation"),
        ("POST", "/things/7/8", {}, 200, {}, "no such operation"),
        ("POST", "/things/7?limit=10", {}, 200, {}, "parameter `limit`"),
        ("POST", "/things/7?order=up", {}, 200, {}, "no parameter `order`"),
        ("POST", "/things/7", [], 200, {}, "the request: [] is not of type"),
        ("POST", "/things/7", None, 200, {}, "a body is needed"),
        ("POST", "/things/7", {}, 404, {}, "status 404"),
        ("POST", "/things/7", {}, 200, {"next": 8}, "the response.next: 8 is not of type"),
    ],
)
def test_what_is_not_as_described_is_found(
    method: str, url: str, sent: Any, status: int, answer: Any, problem: str | None
) -> None:
    request = httpx.Request(method, f"http://node.test{url}", json=sent)
    if sent is None:
        request = httpx.Request(method, f"http://node.test{url}")
    found = Description(TINY).problems(request, httpx.Response(status, json=answer))
    if problem is None:
        assert found == []
    else:
        assert len(found) == 1
        assert problem in found[0]


def test_a_recorder_keeps_everything(fake: Fake) -> None:
    recorder = Recorder(fake)

    async def main() -> None:
        async with httpx.AsyncClient(transport=recorder) as http:
            await http.get("http://clinic-a.test/v1/node")

    asyncio.run(main())
    [(request, response)] = recorder.exchanges
    assert request.url.path == "/v1/node"
    assert response.json()["party"] == "clinic-a"
