from dataclasses import replace
from itertools import permutations, product
from math import isnan, pi, sqrt

import numpy as np
import pytest
from scipy import stats

from ftlab.reporting.table.comparison import Comparison, compare, correct, small_sample_factor
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


def against_zero(differences: list[float]) -> Comparison:
    return compare(by_seed(differences), by_seed([0.0] * len(differences)))


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


@pytest.mark.parametrize("n", [3, 5, 10, 12])
def test_agrees_with_scipy_without_ties(n: int) -> None:
    random = np.random.default_rng(n)
    ours, baseline = random.normal(88.5, 1.0, n).tolist(), random.normal(88.0, 1.0, n).tolist()
    found = compare(by_seed(ours), by_seed(baseline))
    assert found.p == pytest.approx(stats.ttest_rel(ours, baseline).pvalue, rel=1e-6)
    assert found.p_wilcoxon == pytest.approx(stats.wilcoxon(ours, baseline, method="exact").pvalue)
    differences = np.subtract(ours, baseline)
    expected = stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=2**n)
    assert found.p_permutation == pytest.approx(expected.pvalue)


def test_ties_and_zeros_are_counted_exactly() -> None:
    differences = [2.0, 2.0, -1.0, 0.0, 3.0, 2.0]
    found = against_zero(differences)
    # The ranks of 1, 2, 2, 2, 3 without the zero; the sums of all signs, counted by hand.
    ranks = [3.0, 3.0, -1.0, 5.0, 3.0]
    sums = [sum(s * abs(r) for s, r in zip(signs, ranks, strict=True)) for signs in product((-1, 1), repeat=5)]
    assert found.p_wilcoxon == sum(abs(total) >= sum(ranks) for total in sums) / 32
    sums = [sum(s * d for s, d in zip(signs, differences, strict=True)) for signs in product((-1, 1), repeat=6)]
    assert found.p_permutation == sum(abs(total) >= sum(differences) for total in sums) / 64


def test_three_seeds_of_one_sign_reject_by_the_t_test_alone() -> None:
    found = against_zero([5.0, 5.1, 5.2])
    assert found.p < 0.001
    assert (found.p_wilcoxon, found.p_permutation) == (0.25, 0.25)


@pytest.mark.parametrize("n", [1, 2])
def test_below_three_common_seeds_nothing_is_tested(n: int) -> None:
    found = against_zero([1.0, 1.5][:n])
    assert found.difference.n == n
    assert all(isnan(value) for value in (found.effect_size, found.p, found.p_wilcoxon, found.p_permutation))
    assert isnan(found.difference.ci_low) is (n == 1)


def test_without_a_common_seed_there_is_no_difference() -> None:
    found = compare({0: 88.0}, {1: 88.0})
    assert (found.difference, found.n_unpaired) == (Summary(0), 2)


def test_only_common_seeds_count() -> None:
    found = compare({0: 80.0, 1: 81.0, 2: 82.0, 7: 10.0}, {0: 79.0, 1: 80.5, 2: 81.0, 3: 99.0})
    assert (found.difference.n, found.n_unpaired) == (3, 2)
    assert found.difference.mean == pytest.approx(2.5 / 3)


def test_equal_values_are_no_evidence() -> None:
    found = against_zero([0.0, 0.0, 0.0])
    assert (found.difference.ci_low, found.difference.ci_high, found.effect_size) == (0.0, 0.0, 0.0)
    assert (found.p, found.p_wilcoxon, found.p_permutation) == (1.0, 1.0, 1.0)


def test_equal_differences_have_no_t_test() -> None:
    # In binary, the three differences are not quite the same.
    found = compare(by_seed([88.3, 87.1, 90.9]), by_seed([88.1, 86.9, 90.7]))
    assert (found.difference.std, found.difference.ci_low, found.difference.ci_high) == (0.0, 0.2, 0.2)
    assert isnan(found.p)
    assert isnan(found.effect_size)
    assert (found.p_wilcoxon, found.p_permutation) == (0.25, 0.25)


def test_untested_comparisons_have_a_difference() -> None:
    found = compare(by_seed([3.0, 4.0, 6.0]), by_seed([1.0, 1.0, 1.0]), tested=False)
    assert found.difference.mean == pytest.approx(10 / 3)
    assert found.effect_size > 0.0
    assert all(isnan(p) for p in (found.p, found.p_wilcoxon, found.p_permutation))


def test_many_seeds_have_no_permutation_test() -> None:
    values = np.random.default_rng(0).normal(0.5, 1.0, 40).tolist()
    found = against_zero(values)
    assert found.p_wilcoxon == pytest.approx(stats.wilcoxon(values).pvalue, rel=1e-6)
    assert isnan(found.p_permutation)


def test_the_order_of_seeds_changes_no_bit() -> None:
    pairs = list(zip(range(4), [1.1, 2.3, 0.4, 1.7], strict=True))
    assert len({compare(dict(order), by_seed([0.0] * 4)) for order in permutations(pairs)}) == 1


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


# The usual worked example, e.g. in Wikipedia's article on Holm's method: at 5%, the first and the last are rejected.
def test_holm_steps_down() -> None:
    ps = [0.01, 0.04, 0.03, 0.005]
    found = correct([replace(against_zero([1.0]), p=p) for p in ps])
    assert [comparison.p_holm for comparison in found if comparison] == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_counts_what_was_tested() -> None:
    tested, untested = replace(against_zero([1.0]), p=0.04), against_zero([1.0])
    first, second, third = correct([untested, None, tested])
    assert first is untested
    assert second is None
    assert third is not None
    assert third.p_holm == 0.04


def test_nothing_to_correct() -> None:
    assert correct([None]) == [None]
