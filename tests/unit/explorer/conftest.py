from collections.abc import Callable, Mapping

import pytest

from ftlab.machine.hardware import find_hardware
from ftlab.running.recorder import trial_record
from ftlab.study.spec import expand_trials, load_study
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.training.epoch_result import EpochResult

METRIC = "probe/few_shot_top1"
FINGERPRINT = "0123abcd"

Record = Callable[..., None]


@pytest.fixture
def tracker() -> MemoryTracker:
    """An empty store."""
    return MemoryTracker()


@pytest.fixture
def record_trial(tracker: MemoryTracker) -> Record:
    """Record one trial of any study: `record_trial("old/digits", "m=0.9", seed=0, status="finished", value=81.0)`."""

    def record(
        study: str,
        cell: str,
        *,
        seed: int = 0,
        status: str = "finished",
        value: float = 80.0,
        params: Mapping[str, str] | None = None,
    ) -> None:
        key = f"{study}-{cell}-{seed}"
        tracker.open_study(StudyRecord(study.partition("/")[0], study))
        tags = {"data.fingerprint": FINGERPRINT}
        tracker.open_trial(TrialRecord(key, f"{study}-{cell}", seed, study, f"{cell} seed {seed}", params or {}, tags))
        tracker.log_epochs(key, [EpochResult(1, 0.0, {METRIC: value})])
        if status != "running":
            tracker.close_trial(key, Outcome(TrialStatus(status)))

    return record


@pytest.fixture
def record_study(tracker: MemoryTracker) -> Record:
    """Record trials of an experiment file: `record_study("momentum", "digits", values=(88.0, 89.0))`, one a seed."""

    def record(experiment: str, profile: str, *, values: tuple[float, ...], **overrides: object) -> None:
        study = load_study(experiment, profile, num_seeds=len(values), overrides=overrides)
        tracker.open_study(StudyRecord(experiment, study.results_name))
        hardware = find_hardware(study.profile.resources, together=1)
        for trial in expand_trials(study, FINGERPRINT):
            tracker.open_trial(trial_record(trial, study.results_name, hardware))
            tracker.log_epochs(trial.key, [EpochResult(1, 0.0, {METRIC: values[trial.config.seed]})])
            tracker.close_trial(trial.key, Outcome(TrialStatus.FINISHED))

    return record
