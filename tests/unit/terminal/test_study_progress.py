import pytest

from ftlab.config.experiment import ExperimentConfig, ProfileConfig
from ftlab.study.plan import Plan, make_plan
from ftlab.study.spec import expand_trials, resolve_study
from ftlab.terminal.study_progress import FORECAST_WEIGHT, StudyProgress
from ftlab.tracking.records import Outcome, TrialStatus, trials_frame
from ftlab.training.epoch_result import EpochResult

METRIC = "probe/few_shot_top1"


@pytest.fixture
def plan() -> Plan:
    """Four trials of 10 epochs, of which one is recorded and one goes on from epoch 4: 26 epochs are left."""
    experiment = ExperimentConfig(question="?", seeds=2, grid={"method.key_momentum": [0.9, 0.5]})
    profile = ProfileConfig(description="", metric=METRIC, protocol="", trial={"train": {"epochs": 10}})
    study = resolve_study("exp", experiment, "tiny", profile)
    trials = expand_trials(study, "data")
    row = dict.fromkeys(("cell_key", "experiment", "study", "name", "run_id"), "")
    recorded = trials_frame([{"trial_key": trials[0].key, "seed": 0, "status": "finished", "reason": "", **row}])
    return make_plan(study, trials, recorded, {trials[1].prefix_keys[3]})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def epochs(first: int, last: int, **metrics: float) -> list[EpochResult]:
    return [EpochResult(number, 0.0, {"pretrain/loss": 1.0, **metrics}) for number in range(first, last + 1)]


def test_recorded_trials_are_done_and_a_resumed_one_starts_at_its_epoch(plan: Plan) -> None:
    progress = StudyProgress(plan)
    resumed = plan.resumable[0]
    progress.started(resumed)
    assert (progress.num_done, progress.num_trials, progress.num_running) == (1, 4, 1)
    assert progress.trials[resumed.key].epoch == 4
    assert progress.trials_behind == pytest.approx(1.4)
    progress.trained(resumed, epochs(5, 10))
    progress.ended(resumed, Outcome(TrialStatus.FINISHED))
    assert (progress.num_done, progress.num_running) == (2, 0)


def test_the_time_left_begins_with_the_forecast_and_ends_with_the_pace(plan: Plan, clock: Clock) -> None:
    progress = StudyProgress(plan, forecast=230.0, clock=clock)
    assert progress.seconds_left == 230.0
    clock.now = 57.0  # Ray and workers took longer to start than forecast
    assert progress.seconds_left == 230.0
    trial = next(trial for trial in plan.todo if trial not in plan.resumable)
    progress.started(trial)
    progress.trained(trial, epochs(1, 1))
    assert progress.seconds_left == pytest.approx(230.0 * 25 / 26)
    clock.now += 90.0
    progress.trained(trial, epochs(2, 10))
    whole = (FORECAST_WEIGHT * 230.0 + 90.0) / (FORECAST_WEIGHT + 9 / 26)
    assert progress.seconds_left == pytest.approx(whole * 16 / 26)


def test_without_a_forecast_the_pace_counts_from_the_first_epoch(plan: Plan, clock: Clock) -> None:
    progress = StudyProgress(plan, clock=clock)
    assert progress.seconds_left is None
    clock.now = 1000.0
    trial = plan.todo[-1]
    progress.started(trial)
    progress.trained(trial, epochs(1, 2))
    clock.now += 8.0
    progress.trained(trial, epochs(3, 6))
    assert progress.seconds_left == pytest.approx(2.0 * progress._epochs_left)


def test_the_best_cell_is_that_of_the_tables_metric_with_recorded_trials(plan: Plan) -> None:
    progress = StudyProgress(plan)
    assert progress.best is None
    one, two = plan.todo[-2:]
    for trial, knn in ((one, 80.0), (two, 60.0)):
        progress.started(trial)
        progress.trained(trial, epochs(1, 1, **{"knn/top1": knn}))
    by_knn = progress.best
    assert by_knn is not None
    assert by_knn.metric == "knn/top1"
    progress.trained(two, epochs(10, 10, **{METRIC: 50.0}))
    best = progress.best
    assert best is not None
    assert (best.cell, best.metric, best.mean, best.num_trials) == (two.cell, METRIC, 50.0, 1)
    again = StudyProgress(plan, known={"key_momentum=0.9": [70.0, 72.0], "key_momentum=0.5": [60.0]})
    assert again.best == ("key_momentum=0.9", METRIC, 71.0, 2)


def test_failures_and_interruptions_leave_no_epochs(plan: Plan) -> None:
    progress = StudyProgress(plan)
    for trial in plan.todo:
        progress.started(trial)
        progress.ended(trial, Outcome(TrialStatus.INTERRUPTED))
    assert progress.seconds_left is None
    assert progress.num_done == 1
