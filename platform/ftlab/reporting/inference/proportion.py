"""The interval of a rate from a few trials."""

from math import nan

from scipy.special import betaincinv

from ftlab.reporting.inference.paired_t import ERROR_RATE


def clopper_pearson(count: int, n: int) -> tuple[float, float]:
    """Return the exact 95% interval of a rate (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404).

    Args:
        count: Trials in which it happened.
        n: All trials; without any, both ends are NaN.

    >>> [round(clopper_pearson(0, n)[1], 2) for n in (3, 5, 10)]
    [0.71, 0.52, 0.31]
    """
    if n == 0:
        return nan, nan
    low = float(betaincinv(count, n - count + 1, ERROR_RATE / 2)) if count else 0.0
    high = float(betaincinv(count + 1, n - count, 1 - ERROR_RATE / 2)) if count < n else 1.0
    return low, high
