"""Checks an exchange of HTTP against an OpenAPI 3.1 document.

Everything is looked up in the document itself: the path and the method, each parameter of the query, the
body of the request, the status, and the body of the response.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

_URI = "urn:openapi"


class Description:
    """An OpenAPI document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource(_URI, resource)

    @classmethod
    def read(cls, path: Path) -> Description:
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def problems(self, request: httpx.Request, response: httpx.Response) -> list[str]:
        """Returns the differences of an exchange from its description."""
        where = f"{request.method} {request.url.path}"
        operation = self._operation(request.method.lower(), request.url.path)
        if operation is None:
            return [f"{where}: there is no such operation"]
        found = [
            *self._of_query(operation, request.url.params),
            *self._of_request(operation, request.content),
            *self._of_response(operation, response),
        ]
        return [f"{where}: {problem}" for problem in found]

    def _operation(self, method: str, path: str) -> Mapping[str, Any] | None:
        """Paths without variables go first, as OpenAPI has it."""
        for template in sorted(self._document["paths"], key=lambda template: template.count("{")):
            pattern = re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(template))
            item = self._document["paths"][template]
            if re.fullmatch(pattern, path) and method in item:
                shared = item.get("parameters", [])
                own = item[method]
                return {**own, "parameters": [*shared, *own.get("parameters", [])]}
        return None

    def _of_query(self, operation: Mapping[str, Any], query: httpx.QueryParams) -> Iterator[str]:
        parameters = [self._resolved(one) for one in operation["parameters"]]
        schemas = {one["name"]: one.get("schema", {}) for one in parameters if one["in"] == "query"}
        for name, text in query.items():
            if name not in schemas:
                yield f"there is no parameter `{name}`"
                continue
            schema = self._resolved(schemas[name])
            value = json.loads(text) if schema.get("type") in ("integer", "number") else text
            yield from self._of_value(f"parameter `{name}`", schema, value)

    def _of_request(self, operation: Mapping[str, Any], content: bytes) -> Iterator[str]:
        body = self._resolved(operation.get("requestBody", {}))
        if not content:
            if body.get("required"):
                yield "a body is needed"
            return
        if not body:
            yield "no body is described"
            return
        yield from self._of_content("the request", body, content)

    def _of_response(self, operation: Mapping[str, Any], response: httpx.Response) -> Iterator[str]:
        responses = operation["responses"]
        described = responses.get(str(response.status_code), responses.get("default"))
        if described is None:
            yield f"status {response.status_code} is not described"
            return
        yield from self._of_content("the response", self._resolved(described), response.content)

    def _of_content(self, what: str, described: Mapping[str, Any], content: bytes) -> Iterator[str]:
        media = described.get("content", {}).get("application/json")
        if media is None:
            yield f"{what} is not described as JSON"
        elif "schema" in media:
            yield from self._of_value(what, media["schema"], json.loads(content))

    def _of_value(self, what: str, schema: Any, value: Any) -> Iterator[str]:
        # References in a schema are relative to the whole document.
        schema = json.loads(json.dumps(schema).replace('"$ref": "#/', f'"$ref": "{_URI}#/'))
        validator = Draft202012Validator(schema, registry=self._registry)
        for error in validator.iter_errors(value):
            yield f"{what}{error.json_path[1:]}: {error.message}"

    def _resolved(self, item: Mapping[str, Any]) -> Mapping[str, Any]:
        if "$ref" not in item:
            return item
        resolver = self._registry.resolver(_URI)
        contents: Mapping[str, Any] = resolver.lookup(item["$ref"]).contents
        return contents


class Recorder(httpx.AsyncBaseTransport):
    """Carries requests by another transport, and keeps what was exchanged."""

    def __init__(self, by: httpx.AsyncBaseTransport) -> None:
        self._by = by
        self.exchanges: list[tuple[httpx.Request, httpx.Response]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._by.handle_async_request(request)
        await response.aread()
        self.exchanges.append((request, response))
        return response

    def problems(self, description: Description) -> list[str]:
        return [
            problem
            for request, response in self.exchanges
            for problem in description.problems(request, response)
        ]
