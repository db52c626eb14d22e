"""Functions on shares by the parties' nodes alone, against Python's own arithmetic.

Run with the nodes' URLs. Two parties compute in this way without being told; more of them ask for it.
"""

import collections
import fractions
import itertools
import os
import random
import statistics

from expected import check_quantile, check_univariate, least_squares
from parties import PARTIES, agreed, close, reports

SEED = int(os.environ.get("CLOISTER_SEED") or random.SystemRandom().randrange(2**32))
print(f"CLOISTER_SEED={SEED}")
RNG = random.Random(SEED)


def run(function, data, **parameters):
    if PARTIES > 2:
        parameters["suite"] = "pairwise"
    more = {"parameters": parameters} if parameters else {}
    told = reports(function, data + [[]] * (PARTIES - len(data)), **more)
    for report in told:
        assert report["security"]["suite"] == "pairwise", report
        assert report["security"]["corruptible"] == PARTIES - 1, report
    return agreed(told)


def number():
    return RNG.choice([RNG.choice([-2.0, 0.0, 7.0]), RNG.uniform(-1, 1) * 10.0 ** RNG.randint(-9, 9)])


def matrix(rows, columns):
    return [[RNG.randint(-10**6, 10**6) / 64 for _ in range(columns)] for _ in range(rows)]


data = [[number() for _ in range(8 + party)] for party in range(PARTIES)]
ordered = sorted(itertools.chain(*data))

close(run("SecureMedian", data)["median"], statistics.median(ordered))

x, y = matrix(3, 4), matrix(4, 2)
product = [[float(sum(fractions.Fraction(a) * fractions.Fraction(b) for a, b in zip(row, column)))
            for column in zip(*y)] for row in x]
result = run("SecureMatrixMultiplication", [[x], [y]])
assert result == {"product": product}, (result, product)

if PARTIES == 2:
    pairs = [[{"minimum": min(party), "maximum": max(party)}] for party in data]
    result = run("MinimumMaximum", pairs)
    assert result == {"minimum": ordered[0], "maximum": ordered[-1], "samples": 2}, result

    for rank in (1, 5, len(ordered)):
        item = [[{"array": party, "rank": rank, "lower_bound": -1e31, "upper_bound": 1e31}]
                for party in data]
        result = run("KthElement", item)
        assert result == {"item": ordered[rank - 1], "samples": len(ordered)}, result

    probabilities = [0.0, 0.25, 0.9, 1.0]
    result = run("Quantiles", data, probabilities=probabilities)
    assert set(result) == {"quantiles", "samples"} and result["samples"] == len(ordered), result
    for p, q in zip(probabilities, result["quantiles"]):
        check_quantile(q, ordered, p)

    for shift in (0.5, -2000.0):
        values = [[RNG.lognormvariate(3, 1) + shift for _ in range(10)] for _ in range(2)]
        check_univariate(run("StatisticsUnivariate", values), list(itertools.chain(*values)))

    counts = collections.Counter(ordered)
    top = [{"value": x, "count": counts[x]} for x in sorted(counts, reverse=True)[:3]]
    result = run("TopK", data, k=3)
    assert result == {"top": top, "samples": len(ordered)}, result

    result = run("Sort", data)
    assert result == {"sorted": ordered, "samples": len(ordered)}, result

    rows = [[1.0, RNG.uniform(-5, 5), RNG.uniform(0, 1e3)] for _ in range(12)]
    column = [2 - 3 * a + b / 7 + RNG.gauss(0, 1) for _, a, b in rows]
    # A column of rows, and as it comes out of a data frame.
    for y in ([[y] for y in column], column):
        result = run("StatisticsRegressionOLSVertical", [[rows], [y]])
        assert set(result) == {"mle"}, result
        for found, expected in zip(result["mle"], least_squares(rows, column), strict=True):
            close(found[0], expected, 1e-9)
