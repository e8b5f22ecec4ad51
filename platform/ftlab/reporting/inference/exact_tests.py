"""Exact tests of paired differences; a check of the t test, which assumes normal differences."""

from collections.abc import Sequence
from functools import cache
from math import nan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ftlab.reporting.inference.paired_t import ERROR_RATE

# Accuracies are shares of counts; a smaller part of a difference is rounding, and would break ties.
DECIMALS = 9
# Every pattern of signs is counted up to here: 32,768 of them.
MAX_EXACT_PAIRS = 15


def wilcoxon_p(differences: Sequence[float]) -> float:
    """Return p of Wilcoxon's signed-rank test (1945) without differences of 0, two-sided; NaN if it cannot reject.

    Up to 15 differences it is exact also with ties.
    """
    nonzero = [difference for difference in differences if difference]
    if not can_reject(differences):
        return nan
    if len(nonzero) > MAX_EXACT_PAIRS:
        # It takes a second to import, and most tables have fewer seeds.
        from scipy.stats import wilcoxon

        return float(wilcoxon(nonzero).pvalue)
    ranks: list[float] = np.copysign(pd.Series(nonzero).abs().rank(), nonzero).tolist()
    return _random_signs_p(ranks)


def permutation_p(differences: Sequence[float]) -> float:
    """Return p of the sign-flip permutation test of the mean (Fisher 1935), two-sided; NaN if it cannot reject.

    It is exact, equals that of scipy.stats.permutation_test for one sample, which takes a hundred times as long, and
    is NaN above 15 differences.
    """
    if len(differences) > MAX_EXACT_PAIRS or not can_reject(differences):
        return nan
    return _random_signs_p(differences)


def can_reject(differences: Sequence[float]) -> bool:
    """Return whether any pattern of signs has a p below 0.05: 2 of 2^n are as extreme as n differences of one sign."""
    return 2.0 ** (1 - sum(map(bool, differences))) < ERROR_RATE


def _random_signs_p(values: Sequence[float]) -> float:
    sums = np.abs(_signs(len(values)) @ np.array(values))
    # The last pattern leaves all signs as they are; sums that are equal on paper differ by rounding.
    return float(np.mean(sums >= sums[-1] - 10.0**-DECIMALS))


@cache
def _signs(n: int) -> NDArray[np.float64]:
    """Return every pattern of signs, one a row."""
    patterns = np.arange(2**n)[:, None] >> np.arange(n)
    return np.where(patterns & 1, 1.0, -1.0)
