from dataclasses import replace
from itertools import permutations, product
from math import isnan, nan, pi, sqrt

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from ftlab.reporting.inference.exact_tests import permutation_p, wilcoxon_p
from ftlab.reporting.inference.paired_t import PERCENT, PLAIN, Scale
from ftlab.reporting.table.comparison import Comparison, compare_rows, small_sample_factor, with_checks
from ftlab.reporting.table.statistics import Summary

# Student (1908), the additional hours of sleep of ten patients with either drug. R's documentation of t.test publishes
# t = -4.0621, df = 9, p-value = 0.002833, 95 percent confidence interval -2.4598858 -0.7001142.
SLEEP_FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
# Darwin's pairs of crossed and self-fertilised plants, in eighths of an inch. Fisher (The Design of Experiments, 1935)
# gives t = 2.148, just significant at 5%, and by counting all signs 863 + 863 of 32768 sums as far from 0;
# SciPy's documentation of wilcoxon gives p = 0.041259765625.
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def by_seed(values: list[float]) -> dict[int, float]:
    return dict(enumerate(values))


def compare(ours: dict[int, float], baseline: dict[int, float], scale: Scale = PLAIN) -> Comparison:
    rows = [ours]
    return with_checks(compare_rows(rows, baseline, scale), rows, baseline, scale)[0]


def against_zero(differences: list[float], scale: Scale = PLAIN) -> Comparison:
    return compare(by_seed(differences), by_seed([0.0] * len(differences)), scale)


def family(rows: list[list[float]], scale: Scale = PERCENT) -> list[Comparison]:
    """Compare rows of differences with a baseline of zeros."""
    values = [by_seed(row) for row in rows]
    baseline = by_seed([0.0] * max(map(len, rows)))
    return with_checks(compare_rows(values, baseline, scale), values, baseline, scale)


def test_students_sleep_data() -> None:
    found = compare(by_seed(SLEEP_FIRST), by_seed(SLEEP_SECOND))
    difference = found.difference
    assert difference.n == 10
    assert difference.mean / (difference.std / sqrt(10)) == pytest.approx(-4.0621, abs=5e-5)
    assert found.p == pytest.approx(0.002833, abs=5e-7)
    assert (difference.ci_low, difference.ci_high) == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)


def test_darwins_plants() -> None:
    found = against_zero(DARWIN)
    assert found.p == pytest.approx(0.0497, abs=5e-5)
    assert found.p_permutation == 2 * 863 / 32768
    assert found.p_wilcoxon == 0.041259765625


@pytest.mark.parametrize("n", [7, 10, 12])
def test_agrees_with_scipy_without_ties(n: int) -> None:
    random = np.random.default_rng(n)
    ours, baseline = random.normal(88.5, 1.0, n).tolist(), random.normal(88.0, 1.0, n).tolist()
    found = compare(by_seed(ours), by_seed(baseline))
    assert found.p == pytest.approx(stats.ttest_rel(ours, baseline).pvalue, rel=1e-6)
    assert found.p_wilcoxon == pytest.approx(stats.wilcoxon(ours, baseline, method="exact").pvalue)
    differences = np.subtract(ours, baseline)
    expected = stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=2**n)
    assert found.p_permutation == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("tests", [1, 2, 4, 8, 20])
@pytest.mark.parametrize("n", [4, 5, 7, 10])
def test_p_is_below_5_percent_exactly_where_the_interval_leaves_out_0(tests: int, n: int) -> None:
    random = np.random.default_rng(tests * n)
    for _ in range(30):
        rows = random.normal(random.normal(0.0, 3.0), random.uniform(0.01, 2.0), (tests, n)).tolist()
        for found in family(rows):
            low, high = found.difference.ci_low, found.difference.ci_high
            assert (found.p < 0.05) == (low > 0.0 or high < 0.0)
            assert found.tests == tests
            assert found.p == min(1.0, tests * found.p_single)


def test_the_interval_is_corrected_for_all_rows_of_the_baseline() -> None:
    rows = np.random.default_rng(0).normal(2.0, 1.0, (8, 5))
    for row, found in zip(rows, family(rows.tolist()), strict=True):
        half = stats.t.ppf(1 - 0.05 / 16, 4) * row.std(ddof=1) / sqrt(5)
        expected = (row.mean() - half, row.mean() + half)
        assert (found.difference.ci_low, found.difference.ci_high) == pytest.approx(expected, rel=1e-6)


def test_a_screen_has_a_simple_interval_and_does_not_count_as_a_test() -> None:
    screen, tested = family([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 2.5]])
    assert screen.is_screen
    assert isnan(screen.p)
    low, high = stats.t.interval(0.95, 2, 2.0, 1.0 / sqrt(3))
    assert (screen.difference.ci_low, screen.difference.ci_high) == pytest.approx((low, high))
    assert (tested.tests, tested.p) == (1, tested.p_single)


def test_ties_and_zeros_are_counted_exactly() -> None:
    differences = [2.0, 2.0, -1.0, 0.0, 3.0, 2.0, 4.0]
    found = against_zero(differences)
    # The ranks of 1, 2, 2, 2, 3, 4 without the zero; the sums of all signs, counted by hand.
    ranks = [3.0, 3.0, -1.0, 5.0, 3.0, 6.0]
    sums = [sum(s * abs(r) for s, r in zip(signs, ranks, strict=True)) for signs in product((-1, 1), repeat=6)]
    assert found.p_wilcoxon == sum(abs(total) >= sum(ranks) for total in sums) / 64
    sums = [sum(s * d for s, d in zip(signs, differences, strict=True)) for signs in product((-1, 1), repeat=7)]
    assert found.p_permutation == sum(abs(total) >= sum(differences) for total in sums) / 128


@pytest.mark.parametrize(
    "differences",
    [[5.0, 5.1, 5.2], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0, 5.0], [1.0] * 5 + [0.0] * 4, [0.0] * 9],
)
def test_exact_tests_that_cannot_reject_say_nothing(differences: list[float]) -> None:
    assert isnan(wilcoxon_p(differences))
    assert isnan(permutation_p(differences))


def test_exact_tests_say_something_from_six_differences_on() -> None:
    assert (wilcoxon_p([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), permutation_p([1.0] * 6)) == (0.03125, 0.03125)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_below_four_common_seeds_nothing_is_tested(n: int) -> None:
    found = against_zero([1.0, 1.5, 2.5][:n])
    assert found.difference.n == n
    assert all(isnan(value) for value in (found.p, found.p_single, found.p_holm, found.p_pooled))
    assert isnan(found.difference.ci_low) is (n == 1)


def test_without_a_common_seed_there_is_no_difference() -> None:
    found = compare({0: 88.0}, {1: 88.0})
    assert (found.difference, found.n_unpaired) == (Summary(0), 2)


def test_only_common_seeds_count() -> None:
    found = compare({0: 80.0, 1: 81.0, 2: 82.0, 7: 10.0}, {0: 79.0, 1: 80.5, 2: 81.0, 3: 99.0})
    assert (found.difference.n, found.n_unpaired) == (3, 2)
    assert found.difference.mean == pytest.approx(2.5 / 3)


def test_equal_values_are_no_evidence() -> None:
    found = against_zero([0.0] * 5, PERCENT)
    assert found.p == 1.0
    assert found.difference.ci_low < 0.0 < found.difference.ci_high


def test_a_constant_difference_counts_through_the_floor() -> None:
    # In binary, the differences are not quite the same.
    found = compare(by_seed([88.3, 87.1, 90.9, 85.4]), by_seed([88.1, 86.9, 90.7, 85.2]), PERCENT)
    assert found.difference.std == 0.0
    assert found.p == pytest.approx(2 * stats.t.sf(0.2 / (0.1 / 2), 3))
    assert found.difference.ci_low < 0.2 < found.difference.ci_high


def test_without_a_floor_a_constant_difference_has_no_p_and_stays_in_the_family() -> None:
    constant, other = family([[3.0] * 5, [3.0, 3.1, 2.9, 3.3, 3.2]], PLAIN)
    assert isnan(constant.p)
    assert isnan(constant.difference.ci_low)
    assert other.p == 2 * other.p_single
    assert other.p_holm == 2 * other.p_single


def test_differences_are_cut_to_the_scale() -> None:
    found = against_zero([90.0, 20.0, -10.0, 60.0], PERCENT)
    assert (found.difference.ci_low > -100.0, found.difference.ci_high) == (True, 100.0)
    assert found.p == against_zero([90.0, 20.0, -10.0, 60.0], PLAIN).p


def test_many_seeds_have_no_permutation_test() -> None:
    values = np.random.default_rng(0).normal(0.5, 1.0, 40).tolist()
    found = against_zero(values)
    assert found.p_wilcoxon == pytest.approx(stats.wilcoxon(values).pvalue, rel=1e-6)
    assert isnan(found.p_permutation)


def test_the_order_of_seeds_changes_no_bit() -> None:
    pairs = list(zip(range(4), [1.1, 2.3, 0.4, 1.7], strict=True))
    found = {str(compare(dict(order), by_seed([0.0, 0.5, 0.0, 0.1]))) for order in permutations(pairs)}
    assert len(found) == 1


@pytest.mark.parametrize(
    ("degrees", "factor"), [(2, 1 / sqrt(pi)), (3, sqrt(pi / 6)), (4, sqrt(2 / pi)), (5, 0.75 * sqrt(0.4 * pi))]
)
def test_small_sample_factor_in_closed_form(degrees: int, factor: float) -> None:
    assert small_sample_factor(degrees) == pytest.approx(factor, rel=1e-12)


@pytest.mark.parametrize("degrees", [2, 9, 40])
def test_small_sample_factor_is_close_to_hedges_approximation(degrees: int) -> None:
    assert small_sample_factor(degrees) == pytest.approx(1 - 3 / (4 * degrees - 1), abs=0.008)


def test_effect_size_is_the_corrected_standardised_difference() -> None:
    found = against_zero([1.0, 2.0, 3.0])
    assert found.effect_size == pytest.approx(2.0 / sqrt(pi))


@pytest.mark.slow
def test_holm_steps_down() -> None:
    found = family(np.random.default_rng(1).normal([[3.0], [2.0], [1.0], [0.2]], 1.0, (4, 6)).tolist())
    expected = multipletests([comparison.p_single for comparison in found], method="holm")[1]
    assert [comparison.p_holm for comparison in found] == pytest.approx(expected)
    assert all(comparison.p_holm <= comparison.p for comparison in found)


def test_the_pooled_test_borrows_the_variance_of_other_rows() -> None:
    quiet, loud = [1.0, 1.02, 0.98, 1.01, 0.99], [0.5, 4.0, -2.0, 3.0, -1.0]
    found = family([quiet, loud])
    # Box's degrees of freedom of the mean of two variances, written out.
    covariance = np.cov(np.array([quiet, loud]))
    degrees = 4 * np.trace(covariance) ** 2 / np.sum(covariance**2)
    pooled = 2 * stats.t.sf(1.0 / sqrt(np.trace(covariance) / 2 / 5), degrees)
    own = 2 * stats.t.sf(0.9 / (sqrt(covariance[1, 1] / 5)), 4)
    assert pooled < own
    assert [comparison.p_pooled for comparison in found] == pytest.approx([2 * pooled, max(2 * pooled, own)])
    assert found[0].p < 0.001 < found[0].p_pooled


def test_the_pooled_test_takes_the_seeds_that_all_rows_have() -> None:
    rows = [{0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0, 4: 9.0}, {0: 2.0, 1: 2.5, 2: 1.0, 3: 3.0}]
    baseline = by_seed([0.0] * 5)
    found = with_checks(compare_rows(rows, baseline), rows, baseline)
    cut = [{seed: row[seed] for seed in range(4)} for row in rows]
    expected = with_checks(compare_rows(cut, baseline), cut, baseline)
    assert [comparison.p_pooled for comparison in found] == [comparison.p_pooled for comparison in expected]


@pytest.mark.parametrize(
    ("ours", "ratio"),
    [([2.0, 3.0, 4.0, 5.0], 0.0), ([4.0, 3.0, 2.0, 1.0], 2.0), ([1.0, 1.0, 1.0, 1.0], 1.0), ([7.0], nan)],
)
def test_the_ratio_of_variances_tells_what_pairing_is_worth(ours: list[float], ratio: float) -> None:
    assert compare(by_seed(ours), by_seed([1.0, 2.0, 3.0, 4.0])).variance_ratio == pytest.approx(ratio, nan_ok=True)


def test_a_row_is_compared_without_looking_at_its_checks() -> None:
    row, baseline = by_seed([1.0, 2.0, 4.0, 3.0]), by_seed([0.0] * 4)
    plain = compare_rows([row], baseline)[0]
    names = ("p_holm", "p_pooled", "p_wilcoxon", "p_permutation", "variance_ratio")
    checked = with_checks([plain], [row], baseline)[0]
    assert str(replace(checked, **dict.fromkeys(names, nan))) == str(plain)
