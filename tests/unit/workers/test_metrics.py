import time
from collections.abc import Callable

import pytest

from ftlab.study.spec import StudySpec, Trial, expand_trials
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult
from ftlab.workers.metrics import METRIC_NAMES, STATES, StudyMetrics

MakeStudy = Callable[..., StudySpec]

FINISHED = Outcome(TrialStatus.FINISHED)


@pytest.fixture
def trials(make_study: MakeStudy) -> list[Trial]:
    return expand_trials(make_study(seeds=3, cells=[{"name": "a"}]), "data")


@pytest.fixture
def metrics() -> StudyMetrics:
    return StudyMetrics("exp")


def states(metrics: StudyMetrics) -> dict[str, float | None]:
    """Return the numbers of trials by state, without the states of none."""
    value = metrics.registry.get_sample_value
    found = {state: value("ftlab_trials", {"experiment": "exp", "state": state}) for state in STATES}
    return {state: number for state, number in found.items() if number}


def value(metrics: StudyMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, {"experiment": "exp", **labels})


def epoch(number: int, *, ago: float = -1.0, seconds: float = 0.3) -> EpochResult:
    return EpochResult(number, time.time() - ago, {"epoch_seconds": seconds})


def test_every_name_is_exported_before_anything_happens(metrics: StudyMetrics) -> None:
    exported = {sample.name for family in metrics.registry.collect() for sample in family.samples}
    assert {name for name in exported if name.startswith("ftlab_")} - {*METRIC_NAMES} == {
        "ftlab_epoch_seconds_created",
        "ftlab_epochs_trained_created",
        "ftlab_trials_finished_created",
    }
    assert {*METRIC_NAMES, "process_resident_memory_bytes"} <= exported


def test_trials_go_from_state_to_state(metrics: StudyMetrics, trials: list[Trial]) -> None:
    metrics.expect(3, ["r1", "r2"], epochs_saved=7)
    assert states(metrics) == {"waiting": 3, "reused": 2}
    assert value(metrics, "ftlab_epochs_saved") == 7
    for trial in trials:
        metrics.trial_started(trial)
    metrics.trial_started(trials[0])  # its worker died
    assert states(metrics) == {"running": 3, "reused": 2}
    metrics.trial_ended(trials[0], FINISHED)
    metrics.trial_ended(trials[1], Outcome(TrialStatus.COLLAPSED))
    metrics.trial_ended(trials[2], Outcome(TrialStatus.FAILED))
    assert states(metrics) == {"finished": 1, "collapsed": 1, "failed": 1, "reused": 2}
    assert value(metrics, "ftlab_trials_finished_total") == 2


def test_an_interrupted_trial_waits_again(metrics: StudyMetrics, trials: list[Trial]) -> None:
    metrics.expect(2)
    metrics.trial_started(trials[0])
    metrics.trial_ended(trials[0], Outcome(TrialStatus.INTERRUPTED))
    assert states(metrics) == {"waiting": 2}
    metrics.trial_started(trials[0])
    assert states(metrics) == {"waiting": 1, "running": 1}


def test_a_later_plan_reuses_what_others_trained_and_not_what_was_trained_here(
    metrics: StudyMetrics, trials: list[Trial]
) -> None:
    metrics.expect(2)
    metrics.trial_started(trials[0])
    metrics.trial_ended(trials[0], FINISHED)
    metrics.expect(0, [trials[0].key, trials[1].key])
    assert states(metrics) == {"finished": 1, "reused": 1}


def test_a_feed_may_give_more_than_was_planned(metrics: StudyMetrics, trials: list[Trial]) -> None:
    metrics.expect(1)
    for trial in trials:
        metrics.trial_started(trial)
    assert states(metrics) == {"running": 3}


def test_epochs_of_a_checkpoint_are_not_counted_as_trained(metrics: StudyMetrics, trials: list[Trial]) -> None:
    metrics.trial_started(trials[0])
    metrics.epochs_trained(trials[0], [epoch(1, ago=60.0), epoch(2, ago=30.0)])
    metrics.epochs_trained(trials[0], [epoch(3, seconds=0.04), epoch(4, seconds=20.0)])
    assert value(metrics, "ftlab_epochs_trained_total") == 2
    assert value(metrics, "ftlab_epoch_seconds_count") == 2
    assert value(metrics, "ftlab_epoch_seconds_sum") == pytest.approx(20.04)
    assert value(metrics, "ftlab_epoch_seconds_bucket", le="0.05") == 1
    assert value(metrics, "ftlab_epoch_seconds_bucket", le="10800.0") == 2


def test_the_spool_is_asked_when_it_is_told(metrics: StudyMetrics) -> None:
    lengths = iter([5, 0])
    metrics.watch_spool(lambda: next(lengths))
    read = metrics.registry.get_sample_value
    assert [read("ftlab_tracker_spool_records"), read("ftlab_tracker_spool_records")] == [5, 0]


def test_two_drivers_of_a_process_share_nothing(metrics: StudyMetrics) -> None:
    StudyMetrics("exp").expect(4)
    assert states(metrics) == {}


def test_labels_are_names_of_experiments_and_states(metrics: StudyMetrics, trials: list[Trial]) -> None:
    metrics.expect(1)
    metrics.trial_started(trials[0])
    metrics.epochs_trained(trials[0], [epoch(1)])
    names = {name for family in metrics.registry.collect() for sample in family.samples for name in sample.labels}
    assert names == {"experiment", "state", "le"}
