from collections.abc import Callable
from math import nan

import pandas as pd
import pytest

from ftlab.errors import ConfigError
from ftlab.seeding.auto import AutoSeeds
from ftlab.seeding.shown_trials import make_seed_table
from ftlab.study.spec import StudySpec

MakeStudy = Callable[..., StudySpec]
RecordTrials = Callable[..., pd.DataFrame]

BASE, OTHER, THIRD = "key_momentum=0.9", "key_momentum=0.5", "key_momentum=0.99"
HIGH = [90.0, 90.2, 89.9, 90.1, 90.0]
NOISY = [88.0, 91.0, 88.5, 90.5, 89.0]


@pytest.fixture
def make_study_of(make_study: MakeStudy) -> MakeStudy:
    def make(momenta: list[float], baseline: str | None = BASE) -> StudySpec:
        return make_study(grid={"method.key_momentum": momenta}, baseline=baseline, seeds=5)

    return make


@pytest.fixture
def reasons(make_study_of: MakeStudy, record_trials: RecordTrials) -> Callable[..., dict[str, str]]:
    def of(
        values: dict[str, list[float]], baseline: str | None = BASE, max_trials: int | None = None
    ) -> dict[str, str]:
        study = make_study_of([float(cell.partition("=")[2]) for cell in values], baseline)
        recorded = {
            (cell, seed): ("finished", value) if value == value else ("failed", nan, "diverged: the loss became NaN")
            for cell, of_cell in values.items()
            for seed, value in enumerate(of_cell)
        }
        found = make_seed_table(study, "data", record_trials(recorded), AutoSeeds(max_trials=max_trials))
        return dict(found.seeding.stopped)

    return of


def test_cells_far_apart(reasons: Callable[..., dict[str, str]]) -> None:
    values = {BASE: HIGH, OTHER: [20.0, 20.1, 20.3, 20.2, 20.0], THIRD: [95.0, 95.1, 94.9, 95.2, 95.0]}
    assert reasons(values) == {
        BASE: "baseline",
        OTHER: "worse than the baseline",
        THIRD: "better than the baseline",
    }


def test_without_a_baseline_there_is_nothing_to_decide(reasons: Callable[..., dict[str, str]]) -> None:
    with pytest.raises(ConfigError, match="compares cells with a baseline"):
        reasons({BASE: HIGH, OTHER: HIGH}, None)


def test_equal_cells(reasons: Callable[..., dict[str, str]]) -> None:
    assert reasons({BASE: HIGH, OTHER: HIGH}) == {BASE: "baseline", OTHER: "within 0.5 of the baseline"}


def test_open_cells(reasons: Callable[..., dict[str, str]]) -> None:
    values = {BASE: HIGH, OTHER: NOISY}
    assert reasons(values)[OTHER] == reasons(values, max_trials=12)[OTHER] == "open against the baseline"
    assert reasons(values, max_trials=11)[OTHER] == "budget spent, open against the baseline"


def test_cells_that_seeds_do_not_part(reasons: Callable[..., dict[str, str]]) -> None:
    equal_means = [85.0, 95.0, 85.0, 95.0, 85.0, 95.0, 90.0]
    assert reasons({BASE: [90.0] * 7, OTHER: equal_means})[OTHER] == "unlikely to be told from the baseline by 10 seeds"
    assert reasons({BASE: HIGH * 2, OTHER: NOISY * 2})[OTHER] == "not told from the baseline by 10 seeds"


def test_diverged_cells(reasons: Callable[..., dict[str, str]]) -> None:
    assert reasons({BASE: HIGH, OTHER: [88.0, nan, 91.0]}) == {BASE: "baseline", OTHER: "diverged"}
    low = [20.0, nan, 20.1, 20.2, 20.0]
    assert reasons({BASE: HIGH, OTHER: low})[OTHER] == "diverged, worse than the baseline"
    assert reasons({BASE: [nan, 88.0, 91.0], OTHER: HIGH}) == {
        BASE: "baseline, diverged",
        OTHER: "not told from the baseline, which gets no more seeds",
    }


@pytest.mark.parametrize(
    ("lost", "of_baseline", "reason"),
    [
        ((0,), (), "above the baseline, but collapses 1 of 5"),
        ((0,), (3,), "open against the baseline"),
        ((), (3,), "better than the baseline"),
        ((0, 1, 2, 3), (), "collapses 4 of 5"),
        ((), (0, 1, 2, 3, 4), "fewer than 4 seeds in common with the baseline"),
    ],
)
def test_collapses_count_beside_the_difference(
    make_study_of: MakeStudy,
    record_trials: RecordTrials,
    lost: tuple[int, ...],
    of_baseline: tuple[int, ...],
    reason: str,
) -> None:
    recorded = {
        (cell, seed): ("collapsed", 50.0) if seed in collapsed else ("finished", value + seed / 10)
        for cell, value, collapsed in ((BASE, 80.0, of_baseline), (OTHER, 90.0, lost))
        for seed in range(5)
    }
    found = make_seed_table(make_study_of([0.9, 0.5]), "data", record_trials(recorded), AutoSeeds())
    assert found.seeding.stopped[OTHER] == reason


def test_the_difference_is_that_of_the_look_that_decided(make_study_of: MakeStudy, record_trials: RecordTrials) -> None:
    recorded = {
        (cell, seed): ("finished", value + (seed % 3) / 10)
        for cell, value, num_seeds in ((BASE, 80.0, 10), (OTHER, 90.0, 8))
        for seed in range(num_seeds)
    }
    found = make_seed_table(make_study_of([0.9, 0.5]), "data", record_trials(recorded), AutoSeeds()).seeding
    assert found.differences.keys() == {OTHER}
    difference = found.differences[OTHER]
    assert (difference.n, difference.direction) == (5, 1)
    assert difference.low < 10.0 < difference.high
    assert difference.mean == pytest.approx(10.0)


def test_a_cell_without_values(make_study_of: MakeStudy, record_trials: RecordTrials) -> None:
    recorded = {(OTHER, seed): ("failed", nan, "the worker died") for seed in range(5)}
    found = make_seed_table(make_study_of([0.9, 0.5]), "data", record_trials(recorded), AutoSeeds())
    assert found.seeding.stopped[OTHER] == "no trial has a value"


def test_an_empty_store(make_study_of: MakeStudy, record_trials: RecordTrials) -> None:
    found = make_seed_table(make_study_of([0.9, 0.5]), "data", record_trials({}), AutoSeeds())
    assert found.seeding.stopped == {BASE: "baseline", OTHER: "open against the baseline"}
    assert [len(keys) for keys in found.trial_keys.values()] == [5, 5]


def test_the_note_states_rule_rate_and_trials(make_study_of: MakeStudy, record_trials: RecordTrials) -> None:
    recorded = {(OTHER, seed): ("finished", 20.0 + seed) for seed in range(5)}
    frame = record_trials(recorded)
    note = make_seed_table(make_study_of([0.9, 0.5]), "data", frame, AutoSeeds(max_trials=12)).seeding.note
    assert "after 5, 7 and 10 seeds a cell was compared with its baseline" in note
    assert "told from it or found within 0.5" in note
    assert "false is at most 0.05" in note
    assert note.endswith("10 trials; 10 seeds of every cell are 20. MAX_TRIALS=12.")
