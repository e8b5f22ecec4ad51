import pytest
import torch

from ftlab.config.experiment import ProfileConfig
from ftlab.config.home import Home
from ftlab.engine.planning import name_trials
from ftlab.errors import CheckpointError, ConfigError
from ftlab.machine.hardware import Hardware
from ftlab.running.checkpoints import CheckpointCollector
from ftlab.running.feed import Assignment
from ftlab.running.final_state import differing_metrics, load_final_state, retrain
from ftlab.running.here import run_here
from ftlab.running.recorder import TrialRecorder
from ftlab.study.recorded_trial import RecordedTrial, find_recorded
from ftlab.study.spec import single_trial_study
from ftlab.tracking.journal import Journal
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import StudyRecord
from ftlab.tracking.writer import TrackingWriter

pytestmark = pytest.mark.usefixtures("_one_thread")

HARDWARE = Hardware(cpu="a CPU", cores="2", device="cpu", threads=1, together=2)


@pytest.fixture
def store() -> MemoryTracker:
    store = MemoryTracker()
    store.open_study(StudyRecord("train", "train"))
    return store


@pytest.fixture
def found(store: MemoryTracker, profile: ProfileConfig, home: Home) -> RecordedTrial:
    """A trial of two epochs that was trained and recorded; its checkpoints are there."""
    [trial] = name_trials(single_trial_study("tiny", profile, 0, {}), home)
    writer = TrackingWriter(store, Journal(home / "trials"))
    listeners = [TrialRecorder("train", writer, HARDWARE)]
    run_here(Assignment(trial), home=home, device=torch.device("cpu"), checkpoint_seconds=0.0, listeners=listeners)
    assert not writer.close()
    return find_recorded(store.load_trials(), trial.key)


def test_the_final_checkpoint_measured_what_is_recorded(found: RecordedTrial, home: Home) -> None:
    state = load_final_state(found.trial, home)
    assert len(state["history"]) == 2
    assert {"knn/top1", "probe/top1"} <= set(found.metrics)
    assert differing_metrics(state, found) == {}


@pytest.mark.slow
def test_training_again_gives_the_same_bits_and_records_nothing(
    found: RecordedTrial, store: MemoryTracker, home: Home
) -> None:
    before, recorded = load_final_state(found.trial, home), store.load_trials()
    CheckpointCollector(home, "another").collect()
    with pytest.raises(CheckpointError, match=f"the final checkpoint of {found.trial.key} must be there, but is gone"):
        load_final_state(found.trial, home)
    heard: list[int] = []
    after = retrain(found, home, lambda result: heard.append(result.epoch))
    assert heard == [1, 2]
    assert all(torch.equal(value, after["method"][name]) for name, value in before["method"].items())
    assert differing_metrics(after, found) == {}
    assert store.load_trials().equals(recorded)


@pytest.mark.slow
def test_training_again_goes_on_where_it_stopped(
    found: RecordedTrial, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftlab.running.final_state.CHECKPOINT_SECONDS", 0.0)
    CheckpointCollector(home, "another").collect()

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retrain(found, home, stop)
    assert CheckpointCollector(home, "another").collect() == 0
    heard: list[int] = []
    retrain(found, home, lambda result: heard.append(result.epoch))
    assert heard == [2]
    assert CheckpointCollector(home, "another").collect() == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_trial_of_a_gpu_is_not_trained_again_without_one(found: RecordedTrial, home: Home) -> None:
    elsewhere = RecordedTrial(
        found.trial, found.run_id, found.study, found.metrics, {**found.tags, "hardware.device": "NVIDIA A100"}
    )
    with pytest.raises(ConfigError, match="got 'cuda' without a CUDA device"):
        retrain(elsewhere, home, lambda _: None)
    assert not home.shared("plans").names()  # no claim outlives it
