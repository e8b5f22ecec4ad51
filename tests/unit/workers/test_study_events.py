from collections.abc import Callable, Sequence
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import pytest

from ftlab.errors import TrackingError
from ftlab.running.dispatch import Dispatcher
from ftlab.running.feed import Assignment
from ftlab.running.stage_feed import StageFeed
from ftlab.study.spec import StudySpec, Trial, expand_trials
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult
from ftlab.workers.study_events import StudyEvents

MakeStudy = Callable[..., StudySpec]


class Listener:
    """Writes down what it hears, and fails when it is told to."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.fails = False

    def trial_started(self, trial: Trial) -> None:  # noqa: ARG002
        self._hear("started")

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:  # noqa: ARG002
        self._hear("epochs")

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:  # noqa: ARG002
        self._hear(str(outcome.status))

    def _hear(self, event: str) -> None:
        if self.fails:
            raise TrackingError("the disk is full")
        self.heard.append(event)


@pytest.fixture
def trial(make_study: MakeStudy) -> Any:
    """A trial as Tune has it."""
    (ours,) = expand_trials(make_study(cells=[{"name": "a"}]), "data")
    statistics = {"knn": {"max": 80.0}}
    return SimpleNamespace(
        config={"assignment": Assignment(ours)},
        trial_id="1",
        metric_analysis=dict(statistics),
        metric_n_steps=dict(statistics),
        error_file=None,
        last_result={"outcome": Outcome(TrialStatus.FINISHED), "out_of_memory": None},
    )


def epochs_of(numbers: Sequence[int]) -> dict[str, Any]:
    epochs = [{"epoch": number, "timestamp": 0.0, "metrics": {}} for number in numbers]
    return {"epochs": epochs, "outcome": None, "out_of_memory": None, "warning": "", "config": {}}


@pytest.fixture
def recorder() -> Listener:
    return Listener()


@pytest.fixture
def housekeeper() -> Listener:
    return Listener()


@pytest.fixture
def events(recorder: Listener, housekeeper: Listener, trial: Any) -> StudyEvents:
    dispatcher = Dispatcher(StageFeed([trial.config["assignment"].trial]), max_under_way=1, max_failures=0)
    dispatcher.next_assignment()
    return StudyEvents(dispatcher, [recorder, housekeeper], None)


def test_every_listener_hears_of_a_trial(
    events: StudyEvents, recorder: Listener, housekeeper: Listener, trial: Any
) -> None:
    events.on_trial_start(0, [], trial)
    events.on_trial_result(0, [], trial, epochs_of([1]))
    events.interrupt_rest()
    assert recorder.heard == housekeeper.heard == ["started", "epochs", "interrupted"]
    assert events.error is None


def test_what_cannot_be_recorded_ends_the_study_and_nobody_hears_of_it(
    events: StudyEvents, recorder: Listener, housekeeper: Listener, trial: Any
) -> None:
    events.on_trial_start(0, [], trial)
    recorder.fails = True
    with pytest.raises(TrackingError, match="the disk is full"):
        events.on_trial_result(0, [], trial, epochs_of([1]))
    assert str(events.error) == "the disk is full"
    # Tune goes on for a moment; a housekeeper would give up what was never recorded.
    recorder.fails = False
    events.on_trial_result(0, [], trial, epochs_of([2]))
    events.interrupt_rest()
    assert recorder.heard == housekeeper.heard == ["started"]


def test_tune_is_left_no_epochs_and_no_config_to_keep(events: StudyEvents, trial: Any, recorder: Listener) -> None:
    result = epochs_of([1])
    events.on_trial_start(0, [], trial)
    events.on_trial_result(0, [], trial, result)
    assert "epochs" in recorder.heard
    assert sorted(result) == ["out_of_memory", "outcome", "warning"]


@pytest.mark.parametrize("end", ["on_trial_complete", "on_trial_error"])
def test_tune_is_left_no_statistics_of_a_trial_that_ended(events: StudyEvents, trial: Any, end: str) -> None:
    events.on_trial_start(0, [], trial)
    getattr(events, end)(0, [], trial)
    assert trial.metric_analysis == trial.metric_n_steps == {}


def test_tune_copies_no_assignment(trial: Any) -> None:
    assert deepcopy(trial.config)["assignment"] is trial.config["assignment"]
