from dataclasses import dataclass, replace

import pytest

from ftlab.config.experiment import ResourcesConfig
from ftlab.config.trial import TrialConfig
from ftlab.estimate.cost import Costs
from ftlab.estimate.kinds import checkpoint_kind, epoch_kind, probe_kind
from ftlab.estimate.sweep_estimate import RECORD_BYTES_PER_EPOCH, estimate_sweep, held_hours
from ftlab.study.spec import Trial

DATA = "d" * 32
CONFIG = TrialConfig.model_validate({"train": {"epochs": 10}, "probe": {"every": 0}})
COSTS = Costs(
    epoch_seconds={epoch_kind(CONFIG, DATA, transformed=False): 2.0},
    final_seconds={probe_kind(CONFIG, DATA): 5.0},
    checkpoint_bytes={checkpoint_kind(CONFIG, DATA): 100},
    start_seconds=1.0,
)
CORES = ResourcesConfig(cpus_per_trial=2)


@dataclass(frozen=True)
class Part:
    trial: Trial
    start_epoch: int = 0
    parent: str | None = None
    is_evaluation: bool = False


def part(key: str, start_epoch: int = 0, parent: str | None = None) -> Part:
    return Part(Trial(key, "cell", "cell", CONFIG, DATA), start_epoch, parent)


def test_a_sweep_takes_its_start_and_its_longest_worker() -> None:
    works = [part("a"), part("b", start_epoch=6), part("c")]
    found = estimate_sweep(works, COSTS, slots=2, resources=CORES, source="a calibration run", startup_seconds=30.0)
    # a: 1 + 20 + 5 = 26 s; b: 1 + 8 + 5 = 14 s, and then c until 40 s.
    assert found.wall_seconds == 70.0
    assert found.device_hours == pytest.approx(2 * (26 + 14 + 26) / 3600)
    assert found.device == "CPU"
    assert (found.num_trials, found.num_epochs) == (3, 24)
    assert found.checkpoint_bytes == 300
    assert found.record_bytes == 24 * RECORD_BYTES_PER_EPOCH
    assert found.source == "a calibration run"


def test_forks_save_epochs_and_hold_a_checkpoint_more_each() -> None:
    works = [part("trunk"), part("x", 4, "trunk"), part("y", 4, "trunk"), part("z", 8, "trunk")]
    found = estimate_sweep(works, COSTS, slots=4, resources=CORES, source="a calibration run", startup_seconds=0.0)
    # The forks are there at 9 s and at 17 s; x and y end at 9 + 1 + 12 + 5 = 27 s, z at 17 + 1 + 4 + 5.
    assert found.wall_seconds == 27.0
    assert found.num_epochs == 10 + 6 + 6 + 2
    assert found.checkpoint_bytes == 100 * (4 + 2)
    alone = estimate_sweep(works, COSTS, slots=1, resources=CORES, source="a calibration run", startup_seconds=0.0)
    assert alone.wall_seconds == 26 + 18 + 18 + 10
    assert alone.device_hours == pytest.approx(found.device_hours)


def test_shares_of_a_gpu_count_as_shares() -> None:
    gpu = ResourcesConfig(cpus_per_trial=8, gpus_per_trial=0.25)
    found = estimate_sweep([part("a")] * 1, COSTS, slots=4, resources=gpu, source="a calibration run")
    assert found.device == "GPU"
    assert found.device_hours == pytest.approx(0.25 * 26 / 3600)
    assert held_hours(7200.0, gpu) == 0.5
    assert held_hours(7200.0, CORES) == 4.0


def test_checkpoints_that_were_never_measured_have_no_size() -> None:
    unmeasured = replace(COSTS, checkpoint_bytes={})
    found = estimate_sweep([part("a")], unmeasured, slots=1, resources=CORES, source="4 recorded trials")
    assert found.checkpoint_bytes is None
    assert found.num_epochs == 10


def test_nothing_to_train_costs_nothing() -> None:
    found = estimate_sweep([], Costs(), slots=2, resources=CORES, source="4 recorded trials")
    assert (found.wall_seconds, found.device_hours, found.checkpoint_bytes, found.num_epochs) == (0.0, 0.0, 0, 0)
