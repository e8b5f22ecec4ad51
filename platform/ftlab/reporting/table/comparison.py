"""Compare rows with their baseline, paired by seed.

Trials of one seed see the same weights, order and views, whatever their cell, so that the difference of a seed has less
noise than either of its values, and tests of differences have more power than tests of means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, fsum, isnan, lgamma, nan, sqrt

from ftlab.reporting.inference.exact_tests import DECIMALS, permutation_p, wilcoxon_p
from ftlab.reporting.inference.paired_t import ERROR_RATE, MIN_PAIRS, PLAIN, Scale
from ftlab.reporting.inference.pooled_test import pooled_ps
from ftlab.reporting.table.statistics import Summary, summarise

Values = Mapping[int, float]


@dataclass(frozen=True)
class Comparison:
    """The difference of a row to its baseline over the seeds that are healthy in both; NaN where it is not defined.

    One definition holds for test and interval. With d the mean difference of n seeds, s the larger of their standard
    deviation and the floor of the scale, and m the rows of the baseline with at least four pairs: p is the smaller of 1
    and m times that of the paired t test (Student 1908), and the interval d +- t(n - 1, 1 - 0.05 / 2m) s / sqrt(n), so
    that p < 0.05 exactly where the interval leaves out 0, and all intervals of a baseline hold at once with 95%
    (Dunn 1961, doi:10.1080/01621459.1961.10482090). Below four pairs a row is a screen: a simple interval and no p.

    Attributes:
        difference: Statistics of the differences, row minus baseline, with that interval.
        n_unpaired: Seeds with a value in only one of the two rows; they do not count.
        tests: The number m; 1 for a screen.
        effect_size: Hedges' g_z: the mean difference by its standard deviation, Cohen's d_z (Lakens 2013,
            doi:10.3389/fpsyg.2013.00863), times J(n - 1), which removes its bias at few seeds (Hedges 1981,
            doi:10.3102/10769986006002107); NaN below three pairs, and when all differences are equal.
        p: The p of tables, two-sided and corrected; NaN for a screen, and without spread on a scale without a floor.
        p_single: The same as if it were the only comparison.
        p_holm: ``p_single`` corrected by Holm's procedure (1979).
        p_pooled: That of the pooled test (`ftlab.reporting.inference.pooled_test`) over the seeds that all rows have
            in common, corrected by Holm's procedure.
        p_wilcoxon: Wilcoxon's signed-rank test, not corrected; NaN where no p below 0.05 is possible.
        p_permutation: Exact sign-flip permutation test, not corrected; NaN where no p below 0.05 is possible.
        variance_ratio: Variance of the differences by the sum of the variances of both rows over the same seeds: below
            1 where pairing helps.
    """

    difference: Summary
    n_unpaired: int
    tests: int = 1
    effect_size: float = nan
    p: float = nan
    p_single: float = nan
    p_holm: float = nan
    p_pooled: float = nan
    p_wilcoxon: float = nan
    p_permutation: float = nan
    variance_ratio: float = nan

    @property
    def is_screen(self) -> bool:
        """Return whether it has too few pairs for a test."""
        return self.difference.n < MIN_PAIRS


def compare_rows(rows: Sequence[Values], baseline: Values, scale: Scale = PLAIN) -> list[Comparison]:
    """Compare all rows of one baseline with it: difference, interval and p.

    Args:
        rows: Finite value by seed of each row, healthy seeds alone.
        baseline: The same of the baseline.
        scale: Scale of the values.
    """
    paired = [_differences(row, baseline) for row in rows]
    tests = sum(len(differences) >= MIN_PAIRS for differences in paired)
    scale = scale.differences()
    return [
        _compare(differences, len(row.keys() ^ baseline.keys()), scale, tests)
        for row, differences in zip(rows, paired, strict=True)
    ]


def with_checks(
    comparisons: Sequence[Comparison], rows: Sequence[Values], baseline: Values, scale: Scale = PLAIN
) -> list[Comparison]:
    """Return the comparisons of a baseline with all that stands in files alone: other tests and other corrections.

    Args:
        comparisons: What `compare_rows` made of the same rows.
        rows: Finite value by seed of each row, healthy seeds alone.
        baseline: The same of the baseline.
        scale: Scale of the values.
    """
    tested = [place for place, comparison in enumerate(comparisons) if not comparison.is_screen]
    common = sorted(baseline.keys() & set.intersection(*(set(rows[place]) for place in tested))) if tested else []
    pooled = pooled_ps([[_rounded(rows[place], baseline, seed) for seed in common] for place in tested], scale)
    holm = dict(zip(tested, _holm([comparisons[place].p_single for place in tested]), strict=True))
    pooled_holm = dict(zip(tested, _holm(pooled), strict=True))
    checked = []
    for place, (comparison, row) in enumerate(zip(comparisons, rows, strict=True)):
        differences = _differences(row, baseline)
        checked.append(
            replace(
                comparison,
                p_holm=holm.get(place, nan),
                p_pooled=pooled_holm.get(place, nan),
                p_wilcoxon=wilcoxon_p(differences),
                p_permutation=permutation_p(differences),
                variance_ratio=_variance_ratio(row, baseline),
            )
        )
    return checked


def _compare(differences: Sequence[float], n_unpaired: int, scale: Scale, tests: int) -> Comparison:
    n = len(differences)
    if n < MIN_PAIRS:
        difference = summarise(differences, scale=scale)
        return Comparison(difference, n_unpaired, effect_size=_hedges(difference))
    difference = summarise(differences, scale=scale, error=ERROR_RATE / tests)
    single = scale.p(n, difference.mean, difference.std)
    return Comparison(
        difference,
        n_unpaired,
        tests,
        _hedges(difference),
        p=single if isnan(single) else min(1.0, tests * single),
        p_single=single,
    )


def _differences(row: Values, baseline: Values) -> list[float]:
    return [_rounded(row, baseline, seed) for seed in sorted(row.keys() & baseline.keys())]


def _rounded(row: Values, baseline: Values, seed: int) -> float:
    return round(row[seed] - baseline[seed], DECIMALS)


def _holm(ps: Sequence[float]) -> list[float]:
    """Return p-values corrected by Holm's procedure; those that are not defined count as comparisons."""
    corrected, highest = [nan] * len(ps), 0.0
    defined = sorted((p, place) for place, p in enumerate(ps) if not isnan(p))
    for rank, (p, place) in enumerate(defined):
        highest = max(highest, min(1.0, (len(ps) - rank) * p))
        corrected[place] = highest
    return corrected


def _variance_ratio(row: Values, baseline: Values) -> float:
    seeds = sorted(row.keys() & baseline.keys())
    if len(seeds) < 2:
        return nan
    apart = _variance([row[seed] for seed in seeds]) + _variance([baseline[seed] for seed in seeds])
    return _variance(_differences(row, baseline)) / apart if apart > 0.0 else nan


def _variance(values: Sequence[float]) -> float:
    mean = fsum(values) / len(values)
    return fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _hedges(difference: Summary) -> float:
    if difference.n < 3 or not difference.std > 0.0:
        return nan
    return small_sample_factor(difference.n - 1) * difference.mean / difference.std


def small_sample_factor(degrees: int) -> float:
    """Return Hedges' J, which multiplies a standardised difference.

    Args:
        degrees: Degrees of freedom of the standard deviation, from 2.

    >>> round(small_sample_factor(9), 4)
    0.9139
    """
    return exp(lgamma(degrees / 2) - lgamma((degrees - 1) / 2)) / sqrt(degrees / 2)
