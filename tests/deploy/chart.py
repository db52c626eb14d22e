"""Renders the Helm chart as Helm does, and says what is wrong with it.

    chart.py CHART VARIANTS.json

CHART is the chart's folder; VARIANTS.json has values by the name of a variant. The library behind is Helm's
own. Writes one JSON document: for each variant the rendered objects, and its notes. Ends with 1 and a
sentence for the first thing that is wrong.
"""

import json
import pathlib
import re
import sys

import helm_python as helm
import jsonschema
import kubernetes_validate
import yaml

KUBERNETES = "1.36.0"
# Of the Prometheus operator, whose schemas are not Kubernetes'.
FOREIGN = {"ServiceMonitor"}


def leaves(values, path=()):
    """The paths of all values that are not sections themselves."""
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, path + (key,))
        else:
            yield path + (key,)


def used(templates):
    found = set()
    for file in templates.rglob("*"):
        for match in re.findall(r"\.Values((?:\.[A-Za-z][A-Za-z0-9]*)+)", file.read_text()):
            found.add(tuple(match[1:].split(".")))
    return found


def exists(values, path):
    for key in path:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def described(schema, path=()):
    """The paths that the schema names."""
    for key, value in schema.get("properties", {}).items():
        if value.get("properties"):
            yield from described(value, path + (key,))
        else:
            yield path + (key,)


def check_values(chart, values, schema):
    wanted = used(chart / "templates")
    for path in sorted(wanted):
        assert exists(values, path), f"templates use {'.'.join(path)}, which values.yaml lacks"
    for path in sorted(leaves(values)):
        known = any(path[: len(one)] == one for one in wanted)
        assert known, f"values.yaml has {'.'.join(path)}, which no template uses"
    named = {path for path in described(schema) if path != ("global",)}
    for path in sorted(leaves(values)):
        known = any(path[: len(one)] == one for one in named)
        assert known, f"values.yaml has {'.'.join(path)}, which the schema does not describe"
    for path in sorted(named):
        assert exists(values, path), f"the schema describes {'.'.join(path)}, which values.yaml lacks"


def render(chart, values):
    with helm.Chart.load(chart) as loaded:
        loaded.validate_schema(values)
        return loaded.render(values, name="study", namespace="research")


def objects(rendered):
    notes, found = "", []
    for path, text in sorted(rendered.items()):
        if path.endswith("NOTES.txt"):
            notes = text
            continue
        for document in yaml.safe_load_all(text):
            if document:
                found.append(document)
    return notes, found


def check_object(document):
    if document["kind"] in FOREIGN:
        return
    kubernetes_validate.validate(document, KUBERNETES, strict=True)


def main(chart, variants):
    chart = pathlib.Path(chart)
    values = yaml.safe_load((chart / "values.yaml").read_text())
    schema = json.loads((chart / "values.schema.json").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    check_values(chart, values, schema)
    answer = {}
    for name, given in json.loads(pathlib.Path(variants).read_text()).items():
        report = helm.lint(str(chart), given, strict=True)
        # Without an icon a chart is as good.
        said = [m for m in report["messages"] if "icon is recommended" not in m["error"]]
        assert not said and not report["errors"], f"{name}: {said or report['errors']}"
        notes, found = objects(render(str(chart), given))
        for document in found:
            check_object(document)
        answer[name] = {"notes": notes, "objects": found}
    print(json.dumps(answer))


try:
    main(*sys.argv[1:])
except (AssertionError, helm.HelmError, kubernetes_validate.ValidationError) as error:
    sys.exit(f"{type(error).__name__}: {error}")
