"""Real data in parts: the joint sums are what Python gives for the pooled rows."""

import csv
import itertools
import math
import pathlib

from parties import compute

FOLDER = pathlib.Path(__file__).parent.parent / "data"


def column(name, columns):
    for party in (1, 2, 3):
        with open(FOLDER / f"{name}.party{party}.csv", newline="") as file:
            yield [[float(row[column]) for column in columns] for row in csv.DictReader(file)]


for name, columns in [
    ("wdbc", ["mean_radius", "mean_smoothness", "mean_concavity", "worst_area"]),
    ("diabetes", ["bmi", "s5", "target"]),
    ("rossi", ["week", "age"]),
]:
    parts = list(column(name, columns))
    for index, title in enumerate(columns):
        data = [[row[index] for row in part] for part in parts]
        result = compute("SecureSum", data)
        assert result == {"sum": math.fsum(itertools.chain(*data))}, (name, title, result)
