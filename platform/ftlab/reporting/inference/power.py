"""The power of a paired t test."""

from math import sqrt

from scipy.special import nctdtrinc

from ftlab.reporting.inference.paired_t import ERROR_RATE, quantile

POWER = 0.8


def smallest_difference(n: int, tests: int, deviation: float) -> float:
    """Return the smallest true difference that a paired t test finds with a probability of 80% (Cohen 1988).

    Args:
        n: Number of pairs, at least 2.
        tests: Tests of the table, among which the level of 0.05 is divided.
        deviation: True standard deviation of the differences.

    >>> round(smallest_difference(3, 8, 1.0), 1), round(smallest_difference(10, 4, 1.0), 1)
    (9.3, 1.3)
    """
    noncentrality = float(nctdtrinc(n - 1, 1 - POWER, quantile(n - 1, ERROR_RATE / tests)))
    return noncentrality * deviation / sqrt(n)
