"""Checks every function on random data, against Python's own arithmetic."""

import collections
import fractions
import itertools
import math
import random

from parties import PARTIES, close


def check_all(run):
    """`run(function, data, parameters)` has all parties compute."""
    rng = random.Random(20)
    for check in (check_sum, check_frequency, check_contingency, check_bivariate):
        check(run, rng)


def check_sum(run, rng):
    data = [[rng.uniform(-1, 1) * 10.0 ** rng.randint(-20, 20) for _ in range(50)]
            for _ in range(PARTIES)]
    data[0] += [1e300, 1.0, -1e300]
    result = run("SecureSum", data, {})
    assert result == {"sum": math.fsum(itertools.chain(*data))}, result
    # One number, whole numbers, and nothing at all are data too.
    result = run("SecureSum", [3] + [[] for _ in range(PARTIES - 2)] + [[2**53, 1]], {})
    assert result == {"sum": float(2**53 + 4)}, result
    result = run("SecureSum", [[0.1]] * PARTIES, {"digits_before": 6, "digits_after": 6})
    assert result == {"sum": float(PARTIES * fractions.Fraction(0.1))}, result


def check_frequency(run, rng):
    data = [rng.choices(["red", "green", "blé", ""], k=40) for _ in range(PARTIES)]
    counts = collections.Counter(itertools.chain(*data))
    result = run("StatisticsFrequency", data, {})
    assert result["histogram"] == counts, result
    assert counts[result["mode"]] == max(counts.values()), result
    result = run("StatisticsFrequency", [["a"]] * PARTIES, {"categories": ["a", "b"]})
    counted = {"histogram": {"a": PARTIES, "b": 0}, "mode": "a", "samples": PARTIES, "withheld": 0}
    assert result == counted, result


def check_contingency(run, rng):
    pair = lambda: [rng.choice("xyz"), rng.choice(["1", "2"])]
    data = [[pair() for _ in range(60)] for _ in range(PARTIES)]
    counts = collections.Counter(tuple(pair) for pair in itertools.chain(*data))
    result = run("StatisticsContingency", data, {})
    assert set(result) == {"table", "mode", "samples", "withheld", "withheld_rows", "withheld_columns"}
    for x, y in itertools.product("xyz", "12"):
        assert result["table"][x][y] == counts[x, y], (x, y, result)
    assert counts[tuple(result["mode"])] == max(counts.values()), result


def check_bivariate(run, rng):
    point = lambda x: [x, 2.0 - 0.25 * x + rng.gauss(0, 1)]
    data = [[point(rng.uniform(-50, 1000)) for _ in range(30)] for _ in range(PARTIES)]
    points = [[fractions.Fraction(c) for c in point] for point in itertools.chain(*data)]
    n = len(points)
    sx, sy = sum(x for x, _ in points), sum(y for _, y in points)
    sxx, sxy, syy = (sum(f(x, y) for x, y in points) for f in
                     (lambda x, y: x * x, lambda x, y: x * y, lambda x, y: y * y))
    a, b, c = n * sxy - sx * sy, n * sxx - sx * sx, n * syy - sy * sy
    result = run("StatisticsBivariate", data, {})
    assert result.pop("samples") == n
    close(result.pop("correlation_coefficient"), float(a) / math.sqrt(float(b * c)))
    assert result == {
        "covariance": float(a / n / (n - 1)),
        "covariance_mle": float(a / n / n),
        "regression_slope": float(a / b),
        "regression_interceipt": float((sy * sxx - sx * sxy) / b),
        "regression_slope_only": float(sxy / sxx),
    }, result
