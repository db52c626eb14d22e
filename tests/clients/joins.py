"""Columns of the same people at several parties, found by their ids."""

import collections
import csv
import json
import os
import pathlib
import random

from parties import PARTIES, close, compute, reports

FOLDER = pathlib.Path(__file__).parent.parent / "data"
SEED = int(os.environ.get("CLOISTER_SEED") or random.SystemRandom().randrange(2**32))
print(f"CLOISTER_SEED={SEED}")
RNG = random.Random(SEED)


def some(count, among):
    return [f"id {number}" for number in RNG.sample(range(among), count)]


# Ids only at a party without a column.
others = [some(45, 50) for _ in range(PARTIES - 2)]
x = [[id, RNG.choice(["no", "yes"])] for id in some(40, 50)]
y = [[id, RNG.choice(["low", "middle", "high"])] for id in some(42, 50)]
z = [[id, RNG.uniform(-10, 10)] for id in some(44, 50)]


def joined(first, second):
    second = dict(second)
    return [(cell, second[id]) for id, cell in first
            if id in second and all(id in ids for ids in others)]


result = compute("StatisticsContingencyVertical", [x, y, *others])
cells = collections.Counter(joined(x, y))
names = [sorted({cell[axis] for cell in cells}) for axis in (0, 1)]
table = {one: {other: cells[one, other] for other in names[1]} for one in names[0]}
assert set(result) == {"table", "mode"} and result["table"] == table, (result, table)
assert cells[tuple(result["mode"])] == max(cells.values()), result
for report in reports("StatisticsContingencyVertical", [x, y, *others]):
    told = report["security"]["reveals"]
    expected = ("how many", "which kind", "smallest cell", "have the same id", "its ids in order")
    assert all(any(words in text for words in expected) for text in told), told

result = compute("MeanByGroupVertical", [x, z, *others])
groups = collections.defaultdict(list)
for name, value in joined(x, z):
    groups[name].append(value)
assert set(result["groups"]) == set(groups) and result["samples"] == len(joined(x, z)), result
for name, values in groups.items():
    assert result["groups"][name]["count"] == len(values), result
    close(result["groups"][name]["mean"], sum(values) / len(values), 1e-9)

result = compute("SetIntersectionSum", [[id for id, _ in x], z, *others])
values = [value for _, value in joined(x, z)]
assert result["size_intersection"] == len(values), result
close(result["sum"], sum(values), 1e-9)

if PARTIES == 3:
    # Real data in columns: 529 rows at each of three hospitals, 455 of them the same people's.
    reference = json.loads((FOLDER / "reference.json").read_text())["wdbc"]["vertical"]

    def columns(party, names):
        with open(FOLDER / f"wdbc.vertical{party}.csv", newline="") as file:
            return [[row["id"], *[float(row[name]) for name in names]] for row in csv.DictReader(file)]

    fit = reference["ols"]
    # The dependent variable is at the second party.
    data = [columns(2, ["worst_texture", "worst_smoothness"]), columns(1, ["mean_radius"]),
            columns(3, ["radius_error"])]
    result = compute("StatisticsRegressionOLSVertical", data,
                     parameters={"by_id": True, "intercept": True})
    order = ["const", "worst_texture", "worst_smoothness", "radius_error"]
    assert result["samples"] == fit["nobs"] == reference["intersection"], result
    close(result["r_squared"], fit["rsquared"], 1e-12)
    for place, name in enumerate(order):
        close(result["mle"][place][0], float(fit["coef_hp"][name]), 1e-12)
        close(result["standard_errors"][place], fit["se"][name], 1e-10)

    pearson = reference["corr"]["pearson"]
    data = [columns(1, ["mean_radius"]), columns(2, ["worst_texture"]), columns(3, ["radius_error"])]
    result = compute("CorrelationVertical", data)
    assert result["samples"] == reference["intersection"], result
    for found, due in zip(result["correlation"], pearson, strict=True):
        for one, other in zip(found, due, strict=True):
            close(one, other, 1e-12)
    ids = [[[row[0] for row in party]] for party in data]
    assert compute("SetIntersectionSize", ids) == {"size_intersection": reference["intersection"]}
