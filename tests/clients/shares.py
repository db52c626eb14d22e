"""Functions on shares, against Python's own arithmetic.

Run with the nodes' URLs. With `HELPERS=1` in the environment the last node brings no data: it
helps the others.
"""

import collections
import fractions
import itertools
import os
import random
import statistics

from expected import check_quantile, check_univariate
from parties import EVERYBODY, HELPERS, PARTIES, close, compute

SEED = int(os.environ.get("CLOISTER_SEED") or random.SystemRandom().randrange(2**32))
print(f"CLOISTER_SEED={SEED}")
RNG = random.Random(SEED)


def run(function, data, **parameters):
    if HELPERS:
        parameters["committee"] = [EVERYBODY[0], EVERYBODY[-1], EVERYBODY[1]]
    more = {"parameters": parameters} if parameters else {}
    return compute(function, data, **more)


def numbers():
    """Numbers of each party: many ties, both signs and zeros, every size; the last has none."""
    def one(party):
        ties = [RNG.choice([-2.0, -0.0, 0.0, 1.0, 7.0]) for _ in range(20)]
        return ties + [RNG.uniform(-1, 1) * 10.0 ** RNG.randint(-30, 30) for _ in range(20 + party)]
    return [one(party) for party in range(PARTIES - 1)] + [[]]


data = numbers()
ordered = sorted(itertools.chain(*data))

close(run("SecureMedian", data)["median"], statistics.median(ordered))

for rank in (1, 17, len(ordered)):
    item = [[{"array": party, "rank": rank, "lower_bound": -1e31, "upper_bound": 1e31}]
            for party in data]
    result = run("KthElement", item)
    assert result == {"item": ordered[rank - 1], "samples": len(ordered)}, result

pairs = [[{"minimum": min(party), "maximum": max(party)}] if party else [] for party in data]
result = run("MinimumMaximum", pairs)
expected = {"minimum": ordered[0], "maximum": ordered[-1], "samples": PARTIES - 1}
assert result == expected, result

probabilities = [0.0, 0.25, 0.5, 0.9, 1.0]
result = run("Quantiles", data, probabilities=probabilities)
assert result["samples"] == len(ordered)
for p, q in zip(probabilities, result["quantiles"]):
    check_quantile(q, ordered, p)

counts = collections.Counter(x + 0.0 for x in ordered)
top = [{"value": x, "count": counts[x]} for x in sorted(counts, reverse=True)[:5]]
result = run("TopK", data, k=5)
assert result == {"top": top, "samples": len(ordered)}, result

result = run("Sort", data)
assert result == {"sorted": ordered, "samples": len(ordered)}, result

names = [RNG.choices(["red", "green", "blé"], k=30) for _ in range(PARTIES)]
counts = collections.Counter(itertools.chain(*names))
result = run("StatisticsFrequency", names, only_mode=True)
assert set(result) == {"mode"} and counts[result["mode"]] == max(counts.values()), result

cells = [[[RNG.choice("xyz"), RNG.choice("12")] for _ in range(30)] for _ in range(PARTIES)]
counts = collections.Counter(tuple(cell) for cell in itertools.chain(*cells))
result = run("StatisticsContingency", cells, only_mode=True)
assert counts[tuple(result["mode"])] == max(counts.values()), result


def matrix(rows, columns):
    return [[RNG.randint(-10**6, 10**6) / 64 for _ in range(columns)] for _ in range(rows)]


x, y = matrix(3, 5), matrix(5, 2)
product = [[float(sum(fractions.Fraction(a) * fractions.Fraction(b) for a, b in zip(row, column)))
            for column in zip(*y)] for row in x]
result = run("SecureMatrixMultiplication", [[x], [y]] + [[]] * (PARTIES - 2))
assert result == {"product": product}, (result, product)


for shift in (0.5, -2000.0):
    data = [[RNG.lognormvariate(3, 1) + shift for _ in range(25)] for _ in range(PARTIES)]
    check_univariate(run("StatisticsUnivariate", data), list(itertools.chain(*data)))
