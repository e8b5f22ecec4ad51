from collections.abc import Callable

import pandas as pd
import pytest

from ftlab.study.plan import Plan, is_settled, make_plan, settled_keys
from ftlab.study.spec import StudySpec, Trial, expand_trials
from ftlab.tracking.records import trials_frame

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


def plan_of(study: StudySpec, trials: list[Trial], frame: pd.DataFrame, *there: str) -> Plan:
    return make_plan(study, trials, frame, set(there))


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


def test_recorded_trials_are_reused(study: StudySpec, trials: list[Trial]) -> None:
    frame = recorded((trials[0].key, "finished", ""), (trials[2].key, "interrupted", "stopped"), ("x", "finished", ""))
    plan = plan_of(study, trials, frame)
    assert plan.reused == (trials[0],)
    assert plan.todo == tuple(trials[1:])


def test_a_checkpoint_shortens_a_trial(study: StudySpec, trials: list[Trial]) -> None:
    plan = plan_of(study, trials, trials_frame([]), trials[1].prefix_keys[0])
    assert plan.resumable == (trials[1],)
    assert plan.forked == ()
    assert plan.epochs_left == 3 * 2 + 1


def test_the_checkpoint_of_a_reused_trial_counts_nowhere(study: StudySpec, trials: list[Trial]) -> None:
    plan = plan_of(study, trials, recorded((trials[0].key, "finished", "")), trials[0].prefix_keys[1])
    assert plan.resumable == ()
    assert plan.epochs_left == 3 * 2


@pytest.fixture
def ft_study(make_study: MakeStudy) -> StudySpec:
    """FT from epoch 1, 2 and 3 of 4."""
    overrides = {"transform.positives": "extrapolate", "train.epochs": 4}
    return make_study(overrides=overrides, grid={"transform.start": [0.25, 0.5, 0.75]})


def test_a_plan_counts_what_sharing_saves(ft_study: StudySpec) -> None:
    trials = expand_trials(ft_study, "data")
    plan = plan_of(ft_study, trials, trials_frame([]))
    # A trunk of four epochs; one branch shares its first epoch, the other its first two.
    assert (plan.epochs_left, plan.epochs_saved, plan.epochs_spared) == (4 + 3 + 2, 1 + 2, 3)
    assert plan.forked == (trials[0], trials[2])
    alone = make_plan(ft_study, trials, trials_frame([]), set(), share=False)
    assert (alone.epochs_left, alone.epochs_saved, alone.forked) == (12, 0, ())


def test_what_is_recorded_is_no_trunk(ft_study: StudySpec) -> None:
    trials = expand_trials(ft_study, "data")
    plan = plan_of(ft_study, trials, recorded((trials[1].key, "finished", ""), (trials[2].key, "finished", "")))
    assert (plan.epochs_left, plan.epochs_saved, plan.epochs_spared) == (4, 0, 8)
