"""Compare a cell with the baseline, paired by seed.

Trials of one seed see the same weights, order and views, whatever their cell, so that the difference of a seed has less
noise than either of its values, and tests of differences have more power than tests of means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import exp, isnan, lgamma, nan, sqrt

import numpy as np
from numpy.typing import NDArray

# scipy.stats holds the same distribution, and takes a second to import.
from scipy.special import stdtr

from ftlab.reporting.table.statistics import Interval, Summary, summarise

MIN_PAIRS = 3
# Accuracies are shares of counts; a smaller part of a difference is rounding, and would break ties.
DECIMALS = 9
# Every pattern of signs is counted up to here: 32,768 of them.
MAX_EXACT_PAIRS = 15


@dataclass(frozen=True)
class Comparison:
    """The difference of a cell to the baseline over their common seeds; NaN where something is not defined.

    The p-values are two-sided. Tables print and correct ``p``, that of the paired t test: at the few seeds of an
    ablation the rank and permutation tests cannot reject, as 2 of 2^n patterns of signs are as extreme as n differences
    of one sign (p is 0.25 at 3 seeds, 0.03125 at 6). Those tests serve as a check: the t test assumes normal
    differences, and they do not.

    Attributes:
        difference: Statistics of the differences, cell minus baseline; its ``n`` counts the common seeds.
        n_unpaired: Seeds with a value in only one of the two cells; they do not count.
        effect_size: Hedges' g_z: the mean difference by its standard deviation, Cohen's d_z (Lakens 2013,
            doi:10.3389/fpsyg.2013.00863), times J(n - 1), which removes its bias at few seeds (Hedges 1981,
            doi:10.3102/10769986006002107); NaN below three common seeds, and when all differences are equal and not 0.
        p: Paired t test (Student 1908); NaN below three common seeds, and when all differences are equal and not 0.
        p_wilcoxon: Wilcoxon's signed-rank test (1945) without differences of 0; up to 15 seeds exact also with ties.
        p_permutation: Exact sign-flip permutation test of the mean difference (Fisher 1935); NaN above 15 common seeds.
        p_holm: ``p`` corrected for all comparisons of the table by Holm's procedure (1979).
    """

    difference: Summary
    n_unpaired: int
    effect_size: float = nan
    p: float = nan
    p_wilcoxon: float = nan
    p_permutation: float = nan
    p_holm: float = nan


def compare(
    values: Mapping[int, float], baseline: Mapping[int, float], interval: Interval = "t", *, tested: bool = True
) -> Comparison:
    """Compare a cell with the baseline over their common seeds.

    Args:
        values: Finite value by seed.
        baseline: Finite value by seed of the baseline.
        interval: Kind of the interval of the mean difference.
        tested: Whether hypotheses are tested; this needs three common seeds, chosen without a look at the values.
    """
    seeds = sorted(values.keys() & baseline.keys())
    differences = [round(values[seed] - baseline[seed], DECIMALS) for seed in seeds]
    difference = summarise(differences, interval)
    found = Comparison(difference, len(values.keys() ^ baseline.keys()), _hedges(difference))
    if not tested or len(seeds) < MIN_PAIRS:
        return found
    return replace(
        found,
        p=_student_p(difference),
        p_wilcoxon=_wilcoxon_p(differences),
        p_permutation=_sign_flip_p(differences),
    )


def correct(comparisons: Sequence[Comparison | None]) -> list[Comparison | None]:
    """Return the comparisons of a table with ``p_holm``; those without a ``p`` do not count as tests."""
    ps = [comparison.p for comparison in comparisons if comparison is not None and not isnan(comparison.p)]
    if not ps:
        return list(comparisons)
    from statsmodels.stats.multitest import multipletests

    corrected = iter(multipletests(ps, method="holm")[1].tolist())
    return [
        comparison if comparison is None or isnan(comparison.p) else replace(comparison, p_holm=next(corrected))
        for comparison in comparisons
    ]


def _student_p(difference: Summary) -> float:
    if difference.std == 0.0:
        return 1.0 if difference.mean == 0.0 else nan
    t = difference.mean / (difference.std / sqrt(difference.n))
    return 2.0 * float(stdtr(difference.n - 1, -abs(t)))


def _wilcoxon_p(differences: Sequence[float]) -> float:
    from scipy.stats import rankdata, wilcoxon

    nonzero = [difference for difference in differences if difference]
    if len(nonzero) > MAX_EXACT_PAIRS:
        return float(wilcoxon(nonzero).pvalue)
    ranks: list[float] = np.copysign(rankdata(np.abs(nonzero)), nonzero).tolist()
    return _sign_flip_p(ranks)


def _sign_flip_p(differences: Sequence[float]) -> float:
    """Return the two-sided probability, under random signs, of a sum at least as far from 0; NaN for too many values.

    It equals that of scipy.stats.permutation_test for one sample, which takes a hundred times as long.
    """
    if len(differences) > MAX_EXACT_PAIRS:
        return nan
    sums = np.abs(_signs(len(differences)) @ np.array(differences))
    # The last pattern leaves all signs as they are; sums that are equal on paper differ by rounding.
    return float(np.mean(sums >= sums[-1] - 10.0**-DECIMALS))


@cache
def _signs(n: int) -> NDArray[np.float64]:
    """Return every pattern of signs, one a row."""
    patterns = np.arange(2**n)[:, None] >> np.arange(n)
    return np.where(patterns & 1, 1.0, -1.0)


def _hedges(difference: Summary) -> float:
    if difference.n < MIN_PAIRS:
        return nan
    if difference.std == 0.0:
        return 0.0 if difference.mean == 0.0 else nan
    return small_sample_factor(difference.n - 1) * difference.mean / difference.std


def small_sample_factor(degrees: int) -> float:
    """Return Hedges' J, which multiplies a standardised difference.

    Args:
        degrees: Degrees of freedom of the standard deviation, from 2.

    >>> round(small_sample_factor(9), 4)
    0.9139
    """
    return exp(lgamma(degrees / 2) - lgamma((degrees - 1) / 2)) / sqrt(degrees / 2)
