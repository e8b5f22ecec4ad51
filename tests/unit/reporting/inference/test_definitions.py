from math import isnan, sqrt

import numpy as np
import pytest
from scipy import stats

from ftlab.reporting.inference.best_subset import best_subset
from ftlab.reporting.inference.collapse import collapse_rate, row_outcome, score_margin, told_apart
from ftlab.reporting.inference.paired_t import PERCENT, PLAIN, scale_of
from ftlab.reporting.inference.power import smallest_difference
from ftlab.reporting.inference.proportion import clopper_pearson


@pytest.mark.parametrize(("count", "n"), [(0, 3), (0, 10), (1, 5), (3, 5), (5, 5), (7, 10)])
def test_the_interval_of_a_rate_agrees_with_scipy(count: int, n: int) -> None:
    expected = stats.binomtest(count, n).proportion_ci(method="exact")
    assert clopper_pearson(count, n) == pytest.approx((expected.low, expected.high))


def test_without_trials_a_rate_has_no_interval() -> None:
    assert all(map(isnan, clopper_pearson(0, 0)))


# Simulated: 9.3, 3.0, 2.0 and 1.4 deviations for 8 comparisons; 6.5, 2.5, 1.7 and 1.3 for 4.
@pytest.mark.parametrize(
    ("n", "tests", "expected"),
    [(3, 8, 9.3), (5, 8, 3.0), (7, 8, 2.0), (10, 8, 1.4), (3, 4, 6.5), (5, 4, 2.5), (7, 4, 1.7), (10, 4, 1.3)],
)
def test_the_smallest_difference_is_what_simulation_says(n: int, tests: int, expected: float) -> None:
    assert round(smallest_difference(n, tests, 2.0) / 2.0, 1) == expected


def test_the_smallest_difference_is_found_with_80_percent() -> None:
    difference = smallest_difference(5, 8, 1.5)
    bound = stats.t.ppf(1 - 0.05 / 16, 4)
    assert stats.nct.sf(bound, 4, difference * sqrt(5) / 1.5) == pytest.approx(0.8, abs=1e-5)


def test_the_best_is_in_the_subset_with_95_percent() -> None:
    generator = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        values = generator.normal([0.0, 0.0, 0.0, -0.2, -5.0], 1.0, (6, 5)).T.tolist()
        chosen = best_subset([dict(enumerate(row)) for row in values], PLAIN)
        held += chosen[0]
        assert not chosen[4]
    assert held / 400 > 0.93


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], []),
        ([{0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0}], [False]),
        ([{0: 9.0, 1: 9.5, 2: 9.2, 3: 9.1}, None, {0: 1.0, 1: 1.6, 2: 1.1, 3: 1.2}], [True, False, False]),
        ([{0: 9.0, 1: 9.0, 2: 9.0, 3: 9.0}, {0: 1.0, 1: 1.0, 2: 1.0, 3: 1.0}], [True, False]),
        ([{0: 9.0, 1: 9.5, 2: 9.2, 3: 9.1}, {0: 1.0, 1: 1.6, 7: 1.1, 8: 1.2}], [True, True]),
    ],
)
def test_rows_that_none_beats(rows: list[dict[int, float] | None], expected: list[bool]) -> None:
    assert best_subset(rows, PERCENT) == expected


@pytest.mark.parametrize(
    ("direction", "num_pairs", "count", "in_common", "outcome"),
    [
        (1, 5, 0, (0, 0), "better"),
        (1, 4, 1, (1, 1), "better"),
        (1, 4, 1, (1, 0), "collapses 1 of 5"),
        (1, 4, 1, (0, 0), "better"),
        (-1, 4, 1, (1, 0), "worse"),
        (0, 4, 1, (1, 0), ""),
        (0, 3, 2, (2, 0), "collapses 2 of 5"),
        (0, 3, 0, (0, 2), ""),
    ],
)
def test_outcomes(direction: int, num_pairs: int, count: int, in_common: tuple[int, int], outcome: str) -> None:
    assert row_outcome(direction, num_pairs, collapse_rate(count, 5), in_common) == outcome


def test_what_is_told_apart() -> None:
    found = [told_apart(p, d) for p, d in ((0.01, 2.0), (0.01, -2.0), (0.05, 2.0), (float("nan"), 2.0))]
    assert found == [1, -1, 0, 0]


def test_the_margin_of_scores() -> None:
    assert score_margin({"scores/positive_mean": 0.75, "scores/negative_mean": 0.5}) == (0.25, 0.05)
    assert all(map(isnan, score_margin({"other/spread": 1.0})))


@pytest.mark.parametrize("metric", ["probe/top1", "probe/few_shot_top1", "knn/top1", "knn/top5", "probe/paper_top1"])
def test_accuracies_are_in_percent(metric: str) -> None:
    assert scale_of(metric) == PERCENT


@pytest.mark.parametrize("metric", ["pretrain/loss", "health/backbone_rankme", "scores/positive_mean", "top1/loss"])
def test_other_metrics_have_no_floor_and_no_bounds(metric: str) -> None:
    assert scale_of(metric) == PLAIN
