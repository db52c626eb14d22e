"""Checks the dependencies against deny.toml, in a second and with nothing installed.

Building cargo-deny takes minutes on every fresh machine, and what it knows beyond this program,
advisories, needs a database from the network, which would make a change fail that is not at fault.
So where `cargo deny` is there, the CI script runs its other checks too, and everywhere it runs
this: licences, banned packages, packages that must be there once, sources, and yanked versions (as
far as cargo has the registry's index on this machine).
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib


def allowed(expression, allow):
    """Whether a licence expression can be met with the allowed ones: OR is a choice, AND is not."""
    # Old packages write "A/B" for "A OR B".
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def disjunction():
        met = conjunction()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            met = conjunction() or met
        return met

    def conjunction():
        met = licence()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            met = licence() and met
        return met

    def licence():
        token = tokens.pop(0)
        if token == "(":
            met = disjunction()
            tokens.pop(0)
            return met
        if tokens and tokens[0] == "WITH":
            tokens.pop(0)
            token = f"{token} WITH {tokens.pop(0)}"
        return token in allow

    return disjunction()


def index_entries(name):
    """What cargo has of the registry's index about a package: one document a version."""
    lower = name.lower()
    place = {1: "1", 2: "2", 3: f"3/{lower[:1]}"}.get(len(lower), f"{lower[:2]}/{lower[2:4]}")
    home = pathlib.Path(os.environ.get("CARGO_HOME", pathlib.Path.home() / ".cargo"))
    for file in home.glob(f"registry/index/*/.cache/{place}/{lower}"):
        for part in file.read_bytes().split(b"\0"):
            if part.startswith(b"{"):
                yield json.loads(part)


def yanked(package):
    entries = (e for e in index_entries(package["name"]) if e["vers"] == package["version"])
    return any(entry["yanked"] for entry in entries)


def problems(packages, rules):
    allow = set(rules["licenses"]["allow"])
    versions = collections.defaultdict(set)
    for package in packages:
        name, version = package["name"], package["version"]
        versions[name].add(version)
        if not package["license"] or not allowed(package["license"], allow):
            yield f"{name} {version}: licence {package['license']} is not allowed"
        if package["source"] and yanked(package):
            yield f"{name} {version}: has been yanked"
    sources = {package["source"] for package in packages} - {None}
    if len(sources) > 1 or not all(source.startswith("registry+") for source in sources):
        yield f"packages come from more than one registry, or from none: {', '.join(sources)}"
    for ban in rules["bans"]["deny"]:
        found = versions[ban["crate"]]
        if len(found) > (1 if ban.get("deny-multiple-versions") else 0):
            yield f"{ban['crate']}: {', '.join(sorted(found))}"
    several = {name: found for name, found in versions.items() if len(found) > 1}
    for name, found in sorted(several.items()):
        print(f"note: {name} is there more than once: {', '.join(sorted(found))}")


def main():
    metadata = subprocess.run(
        ["cargo", "metadata", "--locked", "--format-version", "1"],
        check=True, stdout=subprocess.PIPE).stdout
    packages = json.loads(metadata)["packages"]
    rules = tomllib.loads(pathlib.Path("deny.toml").read_text())
    found = list(problems(packages, rules))
    for problem in found:
        print(f"error: {problem}", file=sys.stderr)
    print(f"{len(packages)} packages checked, {len(found)} problems")
    sys.exit(bool(found))


main()
