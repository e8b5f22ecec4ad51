from collections.abc import Callable
from dataclasses import replace

import pytest

from ftlab.config.home import Home
from ftlab.engine.planning import name_trials
from ftlab.errors import ConfigError
from ftlab.machine.hardware import Hardware
from ftlab.running.recorder import study_record, trial_record
from ftlab.study.recorded_trial import find_recorded
from ftlab.study.spec import StudySpec, Trial
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

pytestmark = pytest.mark.usefixtures("decode_once")

HARDWARE = Hardware(cpu="a CPU", cores="2", device="cpu", threads=1, together=2)


class Store(MemoryTracker):
    """A store with the finished trials of two momenta and two seeds."""

    def __init__(self, study: StudySpec, home: Home) -> None:
        super().__init__()
        self.study = study.results_name
        self.open_study(study_record(study))
        self.made = name_trials(study, home)
        for trial in self.made:
            self.open_trial(trial_record(trial, self.study, HARDWARE))
            self.log_epochs(trial.key, [EpochResult(2, 0.0, {"probe/top1": 80.0, "train_seconds": 3.0})])
            self.close_trial(trial.key, Outcome(TrialStatus.FINISHED))


@pytest.fixture
def store(make_study: Callable[..., StudySpec], home: Home) -> Store:
    return Store(make_study(grid={"method.key_momentum": [0.9, 0.5]}, seeds=2), home)


@pytest.mark.parametrize("spell", [lambda trial: trial.key, lambda trial: trial.key[:6], lambda trial: trial.name])
def test_a_trial_is_found_by_key_beginning_and_name(store: Store, spell: Callable[[Trial], str]) -> None:
    for trial in store.made:
        found = find_recorded(store.load_trials(), spell(trial))
        # What has no effect is not recorded, and takes its default.
        assert found.trial == replace(trial, config=found.trial.config)
        assert found.trial.config.shown() == trial.config.shown()
        assert found.metrics == {"probe/top1": 80.0}
        assert found.study == "exp/tiny"
        assert found.tags["hardware.threads"] == "1"


def test_a_trial_is_found_by_its_run(store: Store) -> None:
    recorded = store.load_trials()
    recorded["run_id"] = [f"run-{row}" for row in range(4)]
    assert find_recorded(recorded, "run-2").trial.key == recorded["trial_key"][2]


def test_a_name_of_two_studies_is_refused_with_their_keys(store: Store) -> None:
    recorded = store.load_trials()
    recorded["name"] = ["same"] * 4
    with pytest.raises(ConfigError, match=f"'same' matches 4: {recorded['trial_key'][0]} .same, exp/tiny"):
        find_recorded(recorded, "same")


@pytest.mark.parametrize("wanted", ["nothing", ""])
def test_an_unknown_trial_is_refused(store: Store, wanted: str) -> None:
    with pytest.raises(ConfigError, match=rf"but got '{wanted}'; nearest names: .*key_momentum=0.5 seed 0"):
        find_recorded(store.load_trials(), wanted)


def test_a_trial_that_has_not_come_to_its_end_is_refused(store: Store) -> None:
    trial = store.made[0]
    store.outcomes[trial.key] = Outcome(TrialStatus.FAILED, "diverged: nan")
    with pytest.raises(ConfigError, match=r"to its end, but .* is failed: diverged: nan; the sweep of exp/tiny"):
        find_recorded(store.load_trials(), trial.key)


def test_a_trial_of_other_numerics_is_refused(store: Store) -> None:
    trial = store.made[0]
    record = store.trials[trial.key]
    store.trials[trial.key] = replace(record, params={**record.params, "method.key_momentum": "0.8"})
    with pytest.raises(ConfigError, match=f"this version trains, but {trial.key} would be .* commit "):
        find_recorded(store.load_trials(), trial.key)
