from itertools import permutations
from math import isnan

import numpy as np
import pytest
from scipy import stats

from ftlab.reporting.inference.paired_t import PERCENT
from ftlab.reporting.table.statistics import summarise

# Student's sleep data: what ten patients gained with the second drug over the first, in hours.
# R's documentation of t.test publishes: mean 1.58, 95 percent confidence interval 0.7001142 2.4598858.
SLEEP_GAIN = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]


def test_published_worked_example() -> None:
    summary = summarise(SLEEP_GAIN)
    assert summary.n == 10
    assert summary.mean == pytest.approx(1.58, abs=1e-12)
    assert summary.ci_low == pytest.approx(0.7001142, abs=5e-8)
    assert summary.ci_high == pytest.approx(2.4598858, abs=5e-8)


@pytest.mark.parametrize("n", [2, 3, 5, 40])
def test_agrees_with_numpy_and_scipy(n: int) -> None:
    values = np.random.default_rng(n).normal(88.0, 2.0, n)
    summary = summarise(values.tolist())
    low, high = stats.t.interval(0.95, n - 1, loc=values.mean(), scale=stats.sem(values))
    assert summary.mean == pytest.approx(values.mean(), rel=1e-12)
    assert summary.std == pytest.approx(values.std(ddof=1), rel=1e-12)
    assert (summary.ci_low, summary.ci_high) == pytest.approx((low, high), rel=1e-12)


def test_one_seed_has_a_mean_only() -> None:
    summary = summarise([87.0])
    assert (summary.n, summary.mean) == (1, 87.0)
    assert isnan(summary.std)
    assert isnan(summary.ci_low)
    assert isnan(summary.ci_high)


def test_nothing_has_no_statistics() -> None:
    summary = summarise([])
    assert summary.n == 0
    assert all(isnan(value) for value in (summary.mean, summary.std, summary.ci_low, summary.ci_high))


def test_equal_values_have_no_interval_of_no_width() -> None:
    plain, percent = summarise([90.0] * 3), summarise([90.0] * 3, scale=PERCENT)
    assert (plain.std, isnan(plain.ci_low), isnan(plain.ci_high)) == (0.0, True, True)
    half = stats.t.ppf(0.975, 2) * 0.1 / np.sqrt(3)
    assert (percent.ci_low, percent.ci_high) == pytest.approx((90.0 - half, 90.0 + half))


@pytest.mark.parametrize(
    ("values", "low", "high"), [([99.0, 98.0, 70.0], None, 100.0), ([1.0, 0.0, 30.0], 0.0, None), ([50.0, 51.0], 0, 1)]
)
def test_an_interval_stays_on_its_scale(values: list[float], low: float | None, high: float | None) -> None:
    summary = summarise(values, scale=PERCENT)
    assert 0.0 <= summary.ci_low < summary.mean < summary.ci_high <= 100.0
    assert low in (None, 0) or summary.ci_low == low
    assert high in (None, 1) or summary.ci_high == high


def test_the_order_of_seeds_changes_no_bit() -> None:
    assert len({summarise(values) for values in permutations([88.1, 87.3, 1e-9, 91.7])}) == 1


@pytest.mark.parametrize("n", [1, 3, 4, 7, 10])
def test_interquartile_mean_agrees_with_scipy(n: int) -> None:
    values = np.random.default_rng(n).normal(88.0, 2.0, n).tolist()
    assert summarise(values).iqm == pytest.approx(stats.trim_mean(values, 0.25), rel=1e-12)


def test_bootstrap_agrees_with_scipy_and_is_seeded() -> None:
    values = sorted(SLEEP_GAIN)
    summary = summarise(SLEEP_GAIN, "bca")
    expected = stats.bootstrap((values,), np.mean, method="BCa", rng=np.random.default_rng(0)).confidence_interval
    assert (summary.ci_low, summary.ci_high) == (expected.low, expected.high)
    assert summary == summarise(SLEEP_GAIN[::-1], "bca")
    assert summary.ci_high - summary.mean > summary.mean - summary.ci_low


@pytest.mark.parametrize("values", [[], [87.0], [90.0, 90.0, 90.0]])
def test_bootstrap_of_nothing_one_and_equal_values(values: list[float]) -> None:
    bootstrapped, student = summarise(values, "bca"), summarise(values)
    assert str(bootstrapped) == str(student)
