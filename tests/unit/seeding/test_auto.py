from collections.abc import Callable
from math import inf

import pytest

from ftlab.errors import ConfigError
from ftlab.seeding.auto import AutoSeeds, parse_seeds
from ftlab.study.spec import StudySpec


@pytest.mark.parametrize(
    ("seeds", "max_trials", "meaning"),
    [(None, None, None), ("", None, None), ("1", None, 1), ("10", None, 10), ("auto", None, AutoSeeds())],
)
def test_seeds_are_a_number_or_auto_or_the_experiments(
    seeds: str | None, max_trials: int | None, meaning: object
) -> None:
    assert parse_seeds(seeds, max_trials) == meaning


def test_auto_takes_a_bound() -> None:
    assert parse_seeds("auto", 60) == AutoSeeds(max_trials=60)


@pytest.mark.parametrize(
    ("seeds", "nearest"),
    [
        ("0", "1"),
        ("-3", "1"),
        ("2.6", "3"),
        ("Auto", "auto"),
        ("many", "auto"),
        ("nan", "auto"),
        ("٣", "3"),
        (" ", "auto"),
        ("0x10", "auto"),
        ("1e1", "10"),
        ("10001", "10000"),
        ("1e400", "10000"),
    ],
)
def test_other_seeds_are_refused_with_the_nearest_valid(seeds: str, nearest: str) -> None:
    message = f"SEEDS must be a whole number from 1 to 10,000 or 'auto', but got '{seeds}'; nearest valid: {nearest}."
    with pytest.raises(ConfigError, match=f"^{message}$"):
        parse_seeds(seeds)


def test_a_number_of_seeds_with_thousands_of_digits_is_refused_shortly() -> None:
    with pytest.raises(ConfigError, match=r"but got '9{20}\.\.\.'; nearest valid: 10000\.$"):
        parse_seeds("9" * 5000)


@pytest.mark.parametrize("seeds", [None, "5"])
def test_a_bound_without_auto_has_no_effect_and_is_refused(seeds: str | None) -> None:
    with pytest.raises(ConfigError, match=r"MAX_TRIALS bounds SEEDS=auto, but got MAX_TRIALS=60 without it"):
        parse_seeds(seeds, 60)


def test_the_bound_holds_the_first_seeds() -> None:
    AutoSeeds(max_trials=45).check(45)
    AutoSeeds().check(1000)
    with pytest.raises(ConfigError, match=r"MAX_TRIALS must hold the first 5 seeds .* but got 44; nearest valid: 45"):
        AutoSeeds(max_trials=44).check(45)


def test_trials_left() -> None:
    assert AutoSeeds().trials_left(1000) == inf
    assert [AutoSeeds(max_trials=60).trials_left(trials) for trials in (50, 60, 90)] == [10, 0, 0]


def test_a_study_without_a_baseline_has_nothing_to_decide(make_study: Callable[..., StudySpec]) -> None:
    grid = {"method.key_momentum": [0.5, 0.9]}
    AutoSeeds().check_study(make_study(grid=grid, baseline="key_momentum=0.5"))
    with pytest.raises(ConfigError, match=r"SEEDS=auto compares cells with a baseline, but got .* use SEEDS=10"):
        AutoSeeds().check_study(make_study(grid=grid))
