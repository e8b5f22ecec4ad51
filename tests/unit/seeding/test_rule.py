from math import sqrt

import numpy as np
import pytest

from ftlab.errors import ConfigError
from ftlab.seeding.rule import SeedRule

RULE = SeedRule()


def test_a_single_look_is_students_interval() -> None:
    # t(0.975) with 9 degrees of freedom is 2.262.
    rule = SeedRule(looks=(10,))
    assert rule.half_width(10, 10, 2.0, 1.0) == pytest.approx(2.262 * 2.0 / sqrt(10), rel=1e-3)


def test_intervals_shrink_with_seeds_and_grow_with_the_number_of_cells() -> None:
    widths = [RULE.half_width(n, n, 1.0, 0.1) for n in RULE.looks]
    assert widths == sorted(widths, reverse=True)
    assert RULE.half_width(5, 5, 1.0, 0.01) > RULE.half_width(5, 5, 1.0, 0.1)


def test_seeds_that_are_not_healthy_widen_the_interval() -> None:
    assert RULE.half_width(10, 8, 1.0, 0.1) > RULE.half_width(10, 10, 1.0, 0.1)


def test_a_deviation_that_is_too_small_is_not_believed() -> None:
    assert RULE.half_width(5, 5, 0.0, 1.0) == RULE.half_width(5, 5, RULE.least_deviation, 1.0) > 0


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_all_looks_together_miss_no_more_often_than_the_error_rate(share: float) -> None:
    # Normal differences with mean 0: every interval that leaves out 0 at any look is an error.
    rule = SeedRule(error_rate=0.2, least_deviation=0.0)
    values = np.random.default_rng(0).normal(0, 1, (40_000, rule.max_seeds))
    missed = np.zeros(len(values), bool)
    for n in rule.looks:
        half_width = rule.half_width(n, n, 1.0, share) * values[:, :n].std(axis=1, ddof=1)
        missed |= abs(values[:, :n].mean(axis=1)) > half_width
    # Not so rare either that the rate says nothing: looks overlap, and the bound adds them up.
    assert 0.6 * rule.error_rate * share < missed.mean() < rule.error_rate * share


def test_the_chance_of_a_decision_is_what_simulation_says() -> None:
    # A flat prior on the mean: draw the true mean given the first five seeds, then the other five seeds.
    rule = SeedRule(min_difference=0.0)
    first, last, mean, share = 5, 10, 0.9, 0.5
    generator = np.random.default_rng(0)
    deviations = sqrt(first - 1) / np.sqrt(generator.chisquare(first - 1, 100_000))
    true_means = generator.normal(mean, deviations / sqrt(first))
    rest = generator.normal(true_means, deviations / sqrt(last - first))
    final = (first * mean + (last - first) * rest) / last
    expected = (abs(final) > rule.half_width(last, last, 1.0, share)).mean()
    assert rule.chance(first, last, mean, 1.0, share) == pytest.approx(expected, abs=0.01)


def test_the_chance_counts_what_the_zone_decides() -> None:
    wide = SeedRule(min_difference=50.0)
    assert wide.chance(5, 10, 0.0, 1.0, 0.1) == pytest.approx(1)
    assert SeedRule(min_difference=0.0).chance(5, 10, 0.0, 1.0, 0.1) < 0.05


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"error_rate": 1.0}, "error_rate must lie between 0 and 1, but got 1.0"),
        ({"looks": (3, 5)}, r"looks must rise from at least 4, but got \(3, 5\)"),
        ({"looks": (5, 5)}, r"looks must rise from at least 4, but got \(5, 5\)"),
        ({"looks": ()}, r"but got \(\)"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused(fields: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SeedRule(**fields)  # type: ignore[arg-type]
