from collections.abc import Callable
from math import nan

import pandas as pd
import pytest

from ftlab.seeding.pairing import CellSeeds
from ftlab.seeding.progress import SeedLedger
from ftlab.seeding.rule import SeedRule
from ftlab.study.spec import StudySpec, expand_trials
from ftlab.tracking.records import Outcome, TrialStatus

MakeStudy = Callable[..., StudySpec]
RecordTrials = Callable[..., pd.DataFrame]

METRIC = "probe/few_shot_top1"
HALF, NINE = "key_momentum=0.5", "key_momentum=0.9"
RULE = SeedRule(looks=(4, 5))
FINISHED = Outcome(TrialStatus.FINISHED)


@pytest.fixture
def study(make_study: MakeStudy) -> StudySpec:
    return make_study(grid={"method.key_momentum": [0.5, 0.9]}, baseline=NINE, seeds=4)


@pytest.fixture
def ledger(study: StudySpec) -> SeedLedger:
    return SeedLedger(study, "data", RULE)


def test_the_first_trials_are_those_of_a_plain_study(study: StudySpec, ledger: SeedLedger) -> None:
    assert list(ledger.first_missing) == expand_trials(study, "data")
    assert (ledger.num_first, ledger.num_trials, ledger.num_full) == (8, 8, 10)


def test_what_is_recorded_is_known(ledger: SeedLedger, record_trials: RecordTrials) -> None:
    recorded = record_trials(
        {
            (HALF, 0): ("finished", 70.0),
            (HALF, 1): ("collapsed", 50.0),
            (HALF, 2): ("failed", nan, "diverged: the loss became NaN"),
            (HALF, 4): ("finished", 71.0),
            (NINE, 0): ("failed", nan, "the worker died"),
            (NINE, 1): ("interrupted", 80.0),
            (NINE, 2): ("running", nan),
            (NINE, 7): ("finished", 99.0),
        }
    )
    ledger.read(recorded, with_accidents=False)
    half = CellSeeds({0: 70.0, 4: 71.0}, frozenset({1}), failed=frozenset({2}), diverged=True)
    assert ledger.cells() == {HALF: half, NINE: CellSeeds()}
    assert [trial.name for trial in ledger.first_missing] == [
        f"{NINE} seed 0", f"{NINE} seed 1", f"{NINE} seed 2", f"{HALF} seed 3", f"{NINE} seed 3",
    ]  # fmt: skip
    assert ledger.num_trials == 9


def test_an_accident_has_ended_for_a_table(ledger: SeedLedger, record_trials: RecordTrials) -> None:
    recorded = record_trials(
        {(NINE, 0): ("failed", nan, "the worker died"), (NINE, 4): ("failed", nan, "out of memory")}
    )
    ledger.read(recorded, with_accidents=True)
    assert ledger.cells()[NINE] == CellSeeds(failed=frozenset({0, 4}))
    assert [len(keys) for keys in ledger.table_keys().values()] == [4, 5]


def test_a_result_without_the_metric_has_no_value(ledger: SeedLedger, record_trials: RecordTrials) -> None:
    recorded = record_trials({(NINE, 0): ("finished", 80.0)}).drop(columns="probe/few_shot_top1")
    ledger.read(recorded, with_accidents=False)
    assert ledger.cells()[NINE] == CellSeeds(failed=frozenset({0}))


def test_a_trial_waits_runs_and_ends(ledger: SeedLedger) -> None:
    key = ledger.trial(NINE, 4).key
    ledger.start(key)
    assert (ledger.cells()[NINE], ledger.num_pending) == (CellSeeds(pending=frozenset({4})), 1)
    ledger.end(key, Outcome(TrialStatus.FAILED, "out of memory"), {})
    assert ledger.cells()[NINE] == CellSeeds(failed=frozenset({4}))
    ledger.start(key)
    ledger.end(key, FINISHED, {METRIC: 81.0})
    assert (ledger.cells()[NINE], ledger.num_pending) == (CellSeeds({4: 81.0}), 0)
    assert ledger.num_trials == 9


def test_a_trial_that_two_cells_share_counts_once(make_study: MakeStudy) -> None:
    cells = [{"name": "plain", "set": {}}, {"name": "same", "set": {"method.key_momentum": 0.9}}]
    ledger = SeedLedger(make_study(cells=cells), "data", RULE)
    assert (ledger.num_first, ledger.num_full) == (4, 5)
    ledger.end(ledger.trial("plain", 0).key, FINISHED, {METRIC: 80.0})
    assert ledger.cells() == {"plain": CellSeeds({0: 80.0}), "same": CellSeeds({0: 80.0})}


@pytest.mark.parametrize(
    ("rankme", "cell"),
    [(30.0, CellSeeds({0: 50.0})), (1.5, CellSeeds({}, frozenset({0}))), (nan, CellSeeds({}, frozenset({0})))],
)
def test_a_degenerate_trial_is_healthy(
    ledger: SeedLedger, record_trials: RecordTrials, rankme: float, cell: CellSeeds
) -> None:
    recorded = record_trials({(NINE, 0): ("collapsed", 50.0)}).assign(**{"health/backbone_rankme": rankme})
    ledger.read(recorded, with_accidents=False)
    assert ledger.cells()[NINE] == cell
