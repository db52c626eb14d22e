"""Frames and arrays of pandas, polars and pyarrow through the package `cloister`: ids above 2^53 stay
themselves, and missing values are missing."""

import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from cloister import Consortium, UsageError

[path] = sys.argv[1:]
consortium = Consortium.from_file(path)


def told(function, first, second, third, **parameters):
    data = dict(zip(consortium.parties, (first, second, third)))
    return consortium.compute(function, data=data, parameters=parameters or None)


# Case 17.
ids = [9007199254740993, 9007199254740995, 5]
numbers = [1.5, 2.5, 4.0]
frames = [
    pd.DataFrame({"id": ids, "v": numbers}),
    pl.DataFrame({"id": ids, "v": numbers}),
    pa.table({"id": ids, "v": numbers}),
    [[id, number] for id, number in zip(ids, numbers)],
]
for frame in frames:
    result = told("SetIntersectionSum", frame, ids, ids).result
    assert result["sum"] == 8.0 and result["size_intersection"] == 3, (type(frame), result)

# Case 19.
missing = [
    pd.Series([1.0, np.nan, 3]),
    pd.Series([1, None, 3], dtype="Int64"),
    [1, pd.NA, 3],
    pl.Series([1, None, 3]),
    pa.array([1, None, 3]),
    [1, None, 3],
]
for values in missing:
    answer = told("SecureSum", values, [1], [2], missing="drop")
    assert (answer.result["sum"], answer.dropped) == (7.0, 1), (type(values), answer.result)
# Truth values are counted, as those of datasets are.
answer = told("SecureSum", pd.Series([True, False]), [1], [2])
assert answer.result["sum"] == 4.0, answer.result
histogram = told("StatisticsFrequency", pa.array(["a", "b"]), ["a"], ["b"]).result["histogram"]
assert histogram == {"a": 2, "b": 2}, histogram
answer = told("StatisticsFrequency", pd.Series(["a", None]), ["a"], ["b"], missing="drop")
assert (answer.result["histogram"], answer.dropped) == ({"a": 2, "b": 1}, 1), answer.result
try:
    told("SetIntersection", {"a", 1}, ["a"], ["a"])
    raise AssertionError("a set of numbers and texts was taken")
except UsageError as error:
    assert "numbers and texts" in str(error), error
