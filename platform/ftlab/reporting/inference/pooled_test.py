"""A paired test that borrows the variance of the other rows of a table; it gains power from five seeds on."""

from collections.abc import Sequence
from math import nan, sqrt

import numpy as np
from scipy.special import stdtr

from ftlab.reporting.inference.paired_t import MIN_PAIRS, Scale


def pooled_ps(differences: Sequence[Sequence[float]], scale: Scale) -> list[float]:
    """Return a two-sided p for each row, not corrected; NaN for all below four seeds and without any spread.

    The deviation of a row is the larger of its own and the root mean variance of all. A row with its own has n - 1
    degrees of freedom; the pooled one has those of Box (1954), by Greenhouse and Geisser's estimate (1959), since rows
    that are compared with one baseline depend on each other.

    Args:
        differences: Differences of each row by seed, the same seeds in the same order for all rows.
        scale: Scale of the differences.
    """
    if not differences or len(differences[0]) < MIN_PAIRS:
        return [nan] * len(differences)
    values = np.array(differences)
    n = values.shape[1]
    covariance = np.atleast_2d(np.cov(values))
    total, squares = float(np.trace(covariance)), float(np.sum(covariance**2))
    pooled = sqrt(total / len(values))
    degrees = (n - 1) * total**2 / squares if squares > 0.0 else n - 1
    found = []
    for mean, variance in zip(values.mean(axis=1).tolist(), np.diag(covariance).tolist(), strict=True):
        own = sqrt(variance)
        deviation = scale.deviation(max(own, pooled))
        freedom = n - 1 if own >= pooled else degrees
        found.append(2.0 * float(stdtr(freedom, -abs(mean) / deviation * sqrt(n))) if deviation > 0.0 else nan)
    return found
