from collections.abc import Callable
from pathlib import Path

import yaml

from ftlab.machine.hardware import Hardware
from ftlab.running.recorder import TrialRecorder, trial_record
from ftlab.study.identity import NUMERICS_VERSION
from ftlab.study.recorded_params import recorded_params
from ftlab.study.spec import StudySpec, expand_trials
from ftlab.tracking.journal import Journal
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import Outcome, StudyRecord, TrialStatus
from ftlab.tracking.writer import TrackingWriter
from ftlab.training.epoch_result import EpochResult

MakeStudy = Callable[..., StudySpec]

HARDWARE = Hardware(cpu="a CPU", cores="2", device="cpu", threads=1, together=2)
DATA = "d" * 32


def test_a_trial_is_recorded_with_the_settings_that_have_an_effect(make_study: MakeStudy) -> None:
    trial = expand_trials(make_study(cells=[{"name": "a"}]), DATA)[0]
    record = trial_record(trial, "exp/tiny", HARDWARE)
    assert (record.trial_key, record.cell_key, record.seed) == (trial.key, trial.cell_key, 0)
    assert record.params == recorded_params(trial.config)
    assert "model.stem" not in record.params
    assert yaml.safe_load(record.params["method.key_momentum"]) == 0.9
    assert record.params["model.head"] == "mlp"


def test_a_trial_is_tagged_with_what_its_numbers_depend_on(make_study: MakeStudy) -> None:
    trial = expand_trials(make_study(cells=[{"name": "a"}]), DATA)[0]
    tags = trial_record(trial, "exp/tiny", HARDWARE).tags
    assert tags["data.fingerprint"] == DATA
    assert tags["version.numerics"] == str(NUMERICS_VERSION)
    assert tags["hardware.threads"] == "1"
    assert tags["git.commit"]


def test_a_recorder_writes_what_a_listener_hears(make_study: MakeStudy, tmp_path: Path) -> None:
    trial = expand_trials(make_study(cells=[{"name": "a"}]), DATA)[0]
    tracker = MemoryTracker()
    tracker.open_study(StudyRecord("exp", "exp/tiny"))
    writer = TrackingWriter(tracker, Journal(tmp_path / "trials"), flush_seconds=0.01)
    recorder, outcome = TrialRecorder("exp/tiny", writer, HARDWARE), Outcome(TrialStatus.FINISHED, tags={"told": "yes"})
    recorder.trial_started(trial)
    recorder.epochs_trained(trial, [EpochResult(epoch, 1.0, {"knn/top1": 50.0}) for epoch in (1, 2)])
    recorder.trial_ended(trial, outcome)
    assert writer.close() == []
    entry = Journal(tmp_path / "trials").read(trial.key)
    assert entry is not None
    assert entry.trial == trial_record(trial, "exp/tiny", HARDWARE) == tracker.trials[trial.key]
    assert [epoch.epoch for epoch in entry.epochs] == list(tracker.epochs[trial.key]) == [1, 2]
    assert entry.outcome == tracker.outcomes[trial.key] == outcome
