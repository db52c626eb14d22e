"""Holds a running node against its own description, /openapi.json.

Schemathesis sends what the description allows and what it does not, one call at a time and calls that
follow from each other, and checks every answer: no fault of the server's, only described statuses,
content types and headers, and documents as described. Two things are checked here beside that: the
examples in the description are as their schemas say, and so is every kind of event that the node tells.

    run.py --seed N URL [TOKEN]

ends with 1 if anything is found, and then says what. It leaves files where it is started.
"""

import argparse
import collections
import copy
import json
import sys
import tempfile
import time
import urllib.request

import click
import jsonschema_rs
import openapi_spec_validator
import schemathesis
from schemathesis.cli import schemathesis as command

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]

# The most requests that are tried of each operation.
EXAMPLES = 25

# Listening ends only when one end hangs up: Schemathesis would wait for that.
ENDLESS = "/events"

# The longest time in seconds for the events of all kinds; they come at once.
PATIENCE = 120

# All calls and answers.
LOG = "calls.ndjson"

# Probes wait as long as they are told to.
LONGEST_IDLE = 1

METHODS = ("get", "put", "post", "patch", "delete")


@schemathesis.serializer("text/csv", "application/vnd.apache.arrow.stream")
def as_it_is(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


class Node:
    """The node, and its description."""

    def __init__(self, url, token):
        self.url, self.token = url, token
        self.description = self.ask("/openapi.json")

    def request(self, path, method="GET", body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        return urllib.request.urlopen(request, timeout=PATIENCE)

    def ask(self, path, method="GET", body=None):
        with self.request(path, method, body) as answer:
            return json.load(answer)

    def validator(self, schema):
        components = {"components": self.description["components"]}
        return jsonschema_rs.Draft202012Validator({**schema, **components})

    def resolved(self, part):
        """Follows the references of a part of the description."""
        while "$ref" in part:
            names = part["$ref"].removeprefix("#/").split("/")
            part = self.description
            for name in names:
                part = part[name]
        return part


def check_examples(node):
    """All examples in the description are as their schemas say."""
    count = 0
    for path, operations in node.description["paths"].items():
        for method in METHODS:
            operation = operations.get(method, {})
            bodies = [operation["requestBody"]] if "requestBody" in operation else []
            bodies += [node.resolved(answer) for answer in operation.get("responses", {}).values()]
            for body in bodies:
                for media in body.get("content", {}).values():
                    examples = [node.resolved(e)["value"] for e in media.get("examples", {}).values()]
                    examples += [media["example"]] if "example" in media else []
                    for example in examples:
                        validate(node, media["schema"], example, f"an example of {method} {path}")
                        count += 1
    print(f"{count} examples are as described")


def check_events(node):
    """The node tells events of all kinds that the principal may see, each as described."""
    kinds = node.description["paths"][ENDLESS]["get"]["x-events"]
    rights = set(node.ask("/v1/node")["principal"]["rights"])
    needs = {"approvals": "approve", "audit": "audit"}
    awaited = {kind for kind in kinds if needs.get(kind, "") in rights | {""}}
    seen, kind, end = set(), None, time.monotonic() + PATIENCE
    with node.request(ENDLESS) as events:
        if events.headers["Content-Type"] != "text/event-stream":
            sys.exit(f"events are {events.headers['Content-Type']}")
        while seen != awaited:
            if time.monotonic() > end:
                sys.exit(f"no event of the kinds {sorted(awaited - seen)}")
            name, _, value = events.readline().decode().rstrip("\n").partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                if kind not in awaited:
                    sys.exit(f"an event of the kind {kind}, which nobody may see or knows")
                validate(node, kinds[kind], json.loads(value), f"the event {kind}")
                seen.add(kind)
    print(f"events are as described: {', '.join(sorted(seen))}")


def validate(node, schema, value, what):
    errors = [f"{error.message} at {error.instance_path}" for error in node.validator(schema).iter_errors(value)]
    if errors:
        sys.exit(f"{what} is not as described: {errors}\n{json.dumps(value)}")


def with_what_there_is(node):
    """The description with the names of what this node has, so that not all is answered by 404."""
    description = copy.deepcopy(node.description)
    computations = [it["id"] for it in node.ask("/v1/computations")["computations"]]
    services = [
        node.ask("/representations", "POST", {"kwargs": {kind: name}})["uuid"]
        for kind, name in [("protocol", "Simon"), ("microservice", "Datasets"), ("microservice", "Audit")]
    ]
    others = [member["name"] for member in node.ask("/v1/members")["members"] if not member["self"]]
    known = {
        "/representation/{uuid}": services,
        "/representation/{uuid}/{attribute}": services,
        "/v1/computations/{id}": computations,
        "/v1/approvals/{id}": requests(node),
    }
    for path, names in known.items():
        for operation in description["paths"][path].values():
            place = operation["parameters"][0]
            if names:
                del place["example"]
                place["examples"] = {str(name): {"value": name} for name in names}
    order = description["components"]["schemas"]["ProbeOrder"]["properties"]
    order["idle_seconds"]["maximum"] = LONGEST_IDLE
    probe = description["paths"]["/v1/probes"]["post"]["requestBody"]["content"]["application/json"]
    probe["examples"] = {"real": {"value": {"member": others[0], "bandwidth_bytes": 1 << 20}}}
    return description


def requests(node):
    """Lists the numbers of the requests that wait for this principal."""
    rights = node.ask("/v1/node")["principal"]["rights"]
    listed = node.ask("/v1/approvals")["approvals"] if "approve" in rights else []
    return [request["id"] for request in listed]


def fuzz(node, seed):
    """Runs Schemathesis; what it found, as an exit code."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(with_what_there_is(node), file)
        file.flush()
        words = ["run", file.name, "--url", node.url, "--checks", ",".join(CHECKS), "--seed", str(seed)]
        words += ["--max-examples", str(EXAMPLES), "--exclude-path", ENDLESS, "--no-color"]
        words += ["--generation-database", "none", "--continue-on-failure", "--warnings", "off"]
        words += ["--suppress-health-check", "all", "--request-timeout", "120"]
        words += ["--report", "ndjson", "--report-ndjson-path", LOG]
        words += ["--header", f"Authorization: Bearer {node.token}"] if node.token else []
        try:
            return command.main(words, standalone_mode=False) or 0
        except click.exceptions.Exit as done:
            return done.exit_code
        except SystemExit as done:
            return done.code


def count_statuses():
    """Counts the answers of each status."""
    counts = collections.Counter()
    with open(LOG, encoding="utf-8") as lines:
        for line in lines:
            collect(json.loads(line), counts)
    print("answers:", ", ".join(f"{count} of {status}" for status, count in sorted(counts.items())))


def collect(part, counts):
    if isinstance(part, dict):
        if isinstance(part.get("status_code"), int):
            counts[part["status_code"]] += 1
        for value in part.values():
            collect(value, counts)
    elif isinstance(part, list):
        for value in part:
            collect(value, counts)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("token", nargs="?")
    parser.add_argument("--seed", type=int, required=True)
    words = parser.parse_args()
    node = Node(words.url, words.token)
    openapi_spec_validator.validate(node.description)
    check_examples(node)
    check_events(node)
    code = fuzz(node, words.seed)
    count_statuses()
    sys.exit(code)


main()
