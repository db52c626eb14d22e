"""The right answers of functions on shares, by Python's own arithmetic."""

import fractions
import math


def check_quantile(found, ordered, p):
    """The default of R and NumPy, to the last digits of the two numbers that it lies between."""
    h = fractions.Fraction((len(ordered) - 1) * p)
    below = math.floor(h)
    above = min(below + 1, len(ordered) - 1)
    lower, upper = (fractions.Fraction(ordered[index]) for index in (below, above))
    exact = lower + (h - below) * (upper - lower)
    assert abs(found - exact) <= 1e-15 * max(abs(lower), abs(upper)), (p, found, float(exact))


def univariate(values):
    """By definition, in fractions; roots, logarithms and powers in doubles."""
    n, exact = len(values), [fractions.Fraction(x) for x in values]
    mean = sum(exact) / n
    central = lambda k: sum((x - mean) ** k for x in exact) / n
    variance_mle = central(2)
    variance = variance_mle * n / (n - 1)
    root = lambda x: math.sqrt(x)
    standardized = lambda k: float(central(k)) / root(float(variance_mle)) ** k
    positive = min(values) > 0
    return {
        "samples": n, "minimum": min(values), "maximum": max(values), "sum": float(sum(exact)),
        "mean": float(mean),
        "harmonic_mean": float(n / sum(1 / x for x in exact)) if positive else None,
        "geometric_mean": math.exp(math.fsum(map(math.log, values)) / n) if positive else None,
        "variance": float(variance), "variance_mle": float(variance_mle),
        "variance_of_sample_mean": float(variance / n),
        "standard_deviation": root(variance), "standard_deviation_mle": root(variance_mle),
        "standard_error_of_sample_mean": root(variance / n),
        "coefficient_of_variation": root(variance) / float(mean),
        "coefficient_of_variation_mle": root(variance_mle) / float(mean),
        "root_mean_square": root(sum(x * x for x in exact) / n),
        "root_mean_square_deviation": root(variance_mle),
        "skewness": standardized(3), "kurtosis": standardized(4),
        "kurtosis_excess": standardized(4) - 3,
        "hyper_skewness": standardized(5), "hyper_flatness": standardized(6),
    }


def check_univariate(found, values):
    expected = univariate(values)
    assert list(found) == list(expected), found
    for key, value in expected.items():
        if value is None:
            assert found[key] is None, key
        else:
            assert math.isclose(found[key], value, rel_tol=1e-9), (key, found[key], value)


def least_squares(rows, column):
    """The solution of the normal equations, in fractions."""
    rows = [[fractions.Fraction(x) for x in row] for row in rows]
    column = [fractions.Fraction(y) for y in column]
    width = range(len(rows[0]))
    system = [[sum(row[i] * row[j] for row in rows) for j in width]
              + [sum(row[i] * y for row, y in zip(rows, column))] for i in width]
    for i in width:
        pivot = next(k for k in width if k >= i and system[k][i])
        system[i], system[pivot] = system[pivot], system[i]
        system[i] = [x / system[i][i] for x in system[i]]
        for k in width:
            if k != i:
                system[k] = [x - system[k][i] * y for x, y in zip(system[k], system[i])]
    return [float(row[-1]) for row in system]
