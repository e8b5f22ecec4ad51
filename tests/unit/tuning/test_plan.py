from collections.abc import Callable

import pandas as pd
import pytest

from ftlab.tracking.tracker import trials_frame
from ftlab.tuning.plan import Plan, is_settled, make_plan, settled_keys
from ftlab.tuning.spec import StudySpec, Trial, expand_trials

MakeStudy = Callable[..., StudySpec]


@pytest.fixture
def study(make_study: MakeStudy) -> StudySpec:
    return make_study(grid={"method.key_momentum": [0.9, 0.5]}, seeds=2)


@pytest.fixture
def trials(study: StudySpec) -> list[Trial]:
    return expand_trials(study, "data")


def recorded(*rows: tuple[str, str, str], study: str = "exp/tiny", **metrics: float) -> pd.DataFrame:
    return trials_frame(
        [
            {
                "trial_key": key,
                "cell_key": "",
                "seed": 0,
                "status": status,
                "reason": reason,
                "experiment": "exp",
                "study": study,
                "name": "",
                "run_id": "",
                **metrics,
            }
            for key, status, reason in rows
        ]
    )


def plan_of(study: StudySpec, trials: list[Trial], frame: pd.DataFrame, **start_epochs: int) -> Plan:
    return make_plan(study, trials, frame, {trial.key: 0 for trial in trials} | start_epochs)


@pytest.mark.parametrize(
    ("status", "reason", "settled"),
    [
        ("finished", "", True),
        ("collapsed", "scores are equal", True),
        ("failed", "diverged: the loss became NaN", True),
        ("failed", "the worker died without a message", False),
        ("interrupted", "the study was stopped", False),
        ("running", "", False),
    ],
)
def test_results_and_divergence_are_settled_and_accidents_are_not(status: str, reason: str, settled: bool) -> None:
    assert is_settled(status, reason) is settled
    assert settled_keys(recorded(("a", status, reason))) == ({"a"} if settled else set())


def test_without_records_everything_is_new(study: StudySpec, trials: list[Trial]) -> None:
    plan = plan_of(study, trials, trials_frame([]))
    assert plan.todo == plan.trials == tuple(trials)
    assert plan.reused == plan.resumable == ()
    assert plan.epochs_left == 4 * 2
    assert plan.seconds_left(2) is None


def test_recorded_trials_are_reused(study: StudySpec, trials: list[Trial]) -> None:
    frame = recorded((trials[0].key, "finished", ""), (trials[2].key, "interrupted", "stopped"), ("x", "finished", ""))
    plan = plan_of(study, trials, frame)
    assert plan.reused == (trials[0],)
    assert plan.todo == tuple(trials[1:])


def test_a_checkpoint_shortens_a_trial(study: StudySpec, trials: list[Trial]) -> None:
    plan = plan_of(study, trials, trials_frame([]), **{trials[1].key: 1})
    assert plan.resumable == (trials[1],)
    assert plan.epochs_left == 3 * 2 + 1


def test_the_checkpoint_of_a_reused_trial_counts_nowhere(study: StudySpec, trials: list[Trial]) -> None:
    plan = plan_of(study, trials, recorded((trials[0].key, "finished", "")), **{trials[0].key: 2})
    assert plan.resumable == ()
    assert plan.epochs_left == 3 * 2


def test_the_time_left_follows_the_same_profile(study: StudySpec, trials: list[Trial]) -> None:
    assert plan_of(study, trials, recorded(("x", "finished", ""), study="other/big")).epoch_seconds is None


def test_more_slots_than_trials_save_no_time(study: StudySpec, trials: list[Trial]) -> None:
    plan = plan_of(study, trials, recorded(("x", "finished", ""), study="other/tiny", train_seconds=3.0))
    one = plan.seconds_left(1)
    assert one is not None
    assert one > 0
    assert plan.seconds_left(2) == pytest.approx(one / 2)
    assert plan.seconds_left(100) == pytest.approx(one / 4)
