"""Counts the columns of a Parquet file through frames of pyarrow and polars, and by Python's own, and compares
them with those of the same file as a dataset."""

import json
import sys

import polars as pl
import pyarrow.parquet as pq
from cloister import Consortium

client, parquet, told = sys.argv[1:]
consortium = Consortium.from_file(client)
with open(told) as file:
    due = json.load(file)
table = pq.read_table(parquet)
others = dict.fromkeys(consortium.parties[1:], [])
for column, counts in due.items():
    frames = [table[column], pl.from_arrow(table)[column], table[column].to_pylist()]
    for values in frames:
        data = {consortium.parties[0]: values, **others}
        answer = consortium.compute("StatisticsFrequency", data=data, parameters={"missing": "drop"})
        found = {"histogram": dict(answer.result["histogram"]), "dropped": answer.dropped}
        assert found == counts, (column, type(values), found, counts)
