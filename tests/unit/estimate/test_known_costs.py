import json
from dataclasses import replace
from typing import Any

import pytest

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.home import Home
from ftlab.config.loading import flatten
from ftlab.config.trial import TrialConfig
from ftlab.estimate.calibration.measurement import Measurement
from ftlab.estimate.cost import START_SECONDS
from ftlab.estimate.known_costs import MAX_CALIBRATIONS, find_costs, peak_bytes
from ftlab.machine.hardware import Hardware
from ftlab.study.spec import Trial
from ftlab.tracking.journal import Journal
from ftlab.tracking.records import TrialRecord
from ftlab.training.epoch_result import EpochResult

DATA = "d" * 32
HARDWARE = Hardware("EPYC", "2", "cpu", threads=1, together=2)
RESOURCES = ResourcesConfig()


class FakeMeasure:
    """Answers with seconds and bytes that follow from the queue's size, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str, int]] = []

    def __call__(self, config: TrialConfig, *, together: int, **_: object) -> Measurement:
        size = config.method.queue_size
        self.asked.append((size, str(config.transform.start), together))
        epochs_on = len(config.transform.epochs_on(config.train.epochs))
        return Measurement(
            plain_seconds=size / 1024 if epochs_on < config.train.epochs else None,
            transformed_seconds=2 * size / 1024 if epochs_on else None,
            knn_seconds=0.5,
            final_seconds=4.0,
            build_seconds=0.25,
            checkpoint_bytes=size,
            peak_bytes=10 * size,
            num_steps=20,
        )


@pytest.fixture
def fake() -> FakeMeasure:
    return FakeMeasure()


def make_trial(start: Any = "never", queue_size: int = 1024, seed: int = 0) -> Trial:
    config = TrialConfig.model_validate(
        {
            "seed": seed,
            "train": {"epochs": 4},
            "method": {"queue_size": queue_size},
            "transform": {"positives": "extrapolate", "start": start},
        }
    )
    return Trial(f"{start}-{queue_size}-{seed}", "cell", "cell", config, DATA)


def record(home: Home, trial: Trial, train_seconds: float) -> None:
    """Leave the journal of a finished trial."""
    journal = Journal(home / "trials")
    tags = {**HARDWARE.tags(), "data.fingerprint": DATA}
    settings = flatten(trial.config).items()
    params = {name: value if isinstance(value, str) else json.dumps(value) for name, value in settings}
    journal.append_trial(TrialRecord(trial.key, "c", 0, "exp/tiny", "x", params, tags))
    metrics = {"train_seconds": train_seconds, "epoch_seconds": train_seconds + 1.0}
    journal.append_epochs(trial.key, [EpochResult(epoch, 4e9 + epoch, metrics) for epoch in range(1, 5)])


def test_without_history_a_calibration_is_made_once(home: Home, fake: FakeMeasure) -> None:
    trials = [make_trial(), make_trial(seed=1)]
    for _ in range(2):
        known = find_costs(trials, home=home, resources=RESOURCES, hardware=HARDWARE, measure=fake)
        assert known is not None
        assert known.source == "a calibration run"
        assert known.num_nearest == 0
        assert known.costs.training_seconds(trials[0], 0, 4) == 4 * 1.0 + 4.0
        assert known.costs.starting_seconds() == START_SECONDS + 0.25
        assert known.costs.size_of_checkpoint(trials[0]) == 1024
    assert fake.asked == [(1024, "never", 2)]


def test_the_trial_with_the_parts_of_most_others_is_calibrated(home: Home, fake: FakeMeasure) -> None:
    trials = [make_trial("never"), make_trial(0.0), make_trial(0.5), make_trial(0.25)]
    known = find_costs(trials, home=home, resources=RESOURCES, hardware=HARDWARE, measure=fake)
    assert fake.asked == [(1024, "0.5", 2)]
    assert known is not None
    assert [known.costs.training_seconds(trial, 0, 4) for trial in trials] == [8.0, 12.0, 10.0, 11.0]


def test_of_many_kinds_a_few_are_calibrated(home: Home, fake: FakeMeasure) -> None:
    trials = [make_trial(queue_size=1024 * size) for size in range(1, 7)]
    known = find_costs(trials, home=home, resources=RESOURCES, hardware=HARDWARE, measure=fake)
    assert known is not None
    assert len(fake.asked) == MAX_CALIBRATIONS
    assert known.num_nearest == len(trials) - MAX_CALIBRATIONS


def test_recorded_trials_tell_more_than_a_calibration(home: Home, fake: FakeMeasure) -> None:
    trial = make_trial()
    find_costs([trial], home=home, resources=RESOURCES, hardware=HARDWARE, measure=fake)
    record(home, make_trial(seed=1), train_seconds=8.0)
    known = find_costs([trial], home=home, resources=RESOURCES, hardware=HARDWARE, measure=fake)
    assert known is not None
    assert known.source == "1 recorded trial"
    assert known.costs.training_seconds(trial, 0, 3) == pytest.approx(3 * 8.0, abs=0.01)
    assert len(fake.asked) == 1


def test_recorded_trials_tell_without_a_calibration_all_but_the_size_of_checkpoints(
    home: Home, fake: FakeMeasure
) -> None:
    record(home, make_trial(seed=1), train_seconds=8.0)
    known = find_costs(
        [make_trial()], home=home, resources=RESOURCES, hardware=HARDWARE, max_calibrations=0, measure=fake
    )
    assert known is not None
    assert known.source == "1 recorded trial"
    assert known.costs.training_seconds(make_trial(), 0, 3) == pytest.approx(3 * 8.0, abs=0.01)
    assert known.costs.checkpoint_bytes == {}


def test_trials_with_a_probe_that_was_never_recorded_have_no_estimate(home: Home, fake: FakeMeasure) -> None:
    record(home, make_trial(seed=1), train_seconds=8.0)
    trial = make_trial()
    probed = trial.config.model_copy(update={"probe": trial.config.probe.model_copy(update={"every": 2})})
    trials = [replace(trial, config=probed)]
    assert (
        find_costs(trials, home=home, resources=RESOURCES, hardware=HARDWARE, max_calibrations=0, measure=fake) is None
    )


def test_a_part_that_was_never_recorded_is_calibrated(home: Home, fake: FakeMeasure) -> None:
    trials = [make_trial(), make_trial(queue_size=2048)]
    record(home, make_trial(seed=1), train_seconds=8.0)
    record(home, make_trial(seed=2), train_seconds=8.0)
    known = find_costs(trials, home=home, resources=RESOURCES, hardware=HARDWARE, measure=fake)
    assert known is not None
    assert known.source == "2 recorded trials and a calibration run"
    assert known.costs.training_seconds(trials[1], 0, 1) == pytest.approx(2.0, abs=0.01)


def test_a_cluster_is_not_calibrated_from_here(home: Home, fake: FakeMeasure) -> None:
    cluster = Hardware("EPYC", "2", "cpu", threads=1, together=2, cluster="ray://head:10001")
    found = find_costs([make_trial()], home=home, resources=RESOURCES, hardware=cluster, measure=fake)
    assert found is None
    assert fake.asked == []


def test_the_peak_of_a_study_is_its_largest_trials(home: Home, fake: FakeMeasure) -> None:
    alone = Hardware("EPYC", "2", "cpu", threads=1, together=1)
    trials = [make_trial(), make_trial(0.5, queue_size=4096)]
    for _ in range(2):
        found = peak_bytes(trials, home=home, resources=RESOURCES, hardware=alone, measure=fake)
        assert found == 40960
    assert sorted(fake.asked) == [(1024, "never", 1), (4096, "0.5", 1)]
