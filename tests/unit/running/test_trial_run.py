import dataclasses
import resource
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from ftlab.assembly.images import load_images
from ftlab.config.experiment import ProfileConfig
from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.errors import DataError, StorageError
from ftlab.methods.moco import MoCo
from ftlab.running.checkpoints import checkpoints_folder
from ftlab.running.feed import Assignment
from ftlab.running.here import run_here
from ftlab.running.trial_run import TrialRun, judge
from ftlab.study.identity import prefix_key
from ftlab.study.spec import Trial, expand_trials, single_trial_study
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.checkpoint import CheckpointStore
from ftlab.training.epoch_result import EpochResult

pytestmark = pytest.mark.usefixtures("_one_thread")

MakeTrial = Callable[..., Trial]

CPU = torch.device("cpu")
FT = {"transform.positives": "extrapolate", "transform.negatives": "interpolate"}


class Witness:
    """The listener that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.epochs: list[EpochResult] = []

    def trial_started(self, trial: Trial) -> None:
        self.heard.append(f"seed {trial.config.seed} started")

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        self.heard += [f"seed {trial.config.seed} epoch {epoch.epoch}" for epoch in epochs]
        self.epochs += epochs

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        self.heard.append(f"seed {trial.config.seed} {outcome.status.value}")


@pytest.fixture
def make_trial(profile: ProfileConfig, home: Home) -> MakeTrial:
    """Resolve the tiny profile's trial on the digits: `make_trial({"train.epochs": 3})`."""

    def make(settings: Mapping[str, Any] | None = None, seed: int = 0) -> Trial:
        fingerprint = load_images(DataConfig(), home).fingerprint
        (trial,) = expand_trials(single_trial_study("tiny", profile, seed, settings or {}), fingerprint)
        return trial

    return make


def run(trial: Trial, home: Home, checkpoint_seconds: float = 0.0) -> tuple[Outcome, Witness]:
    witness = Witness()
    outcome = run_here(
        Assignment(trial), home=home, device=CPU, checkpoint_seconds=checkpoint_seconds, listeners=[witness]
    )
    return outcome, witness


def run_until(trial: Trial, home: Home, epoch: int) -> None:
    """Train and stop after an epoch, as a killed worker does: its checkpoint is there."""
    epochs = TrialRun(Assignment(trial), home, CPU, checkpoint_seconds=0.0).epochs()
    for result in epochs:
        if result.epoch == epoch:
            return


def numbers(witness: Witness) -> list[tuple[int, dict[str, float], Mapping[str, Sequence[int]]]]:
    """Everything that was measured but durations."""
    return [
        (
            epoch.epoch,
            {name: value for name, value in epoch.metrics.items() if not name.endswith("_seconds")},
            epoch.histograms,
        )
        for epoch in witness.epochs
    ]


def checkpoint(trial: Trial, home: Home, epoch: int) -> Path:
    return home / "checkpoints" / f"{prefix_key(trial.config, trial.fingerprint, epoch)}.ckpt"


def test_listeners_hear_of_every_epoch_and_the_end(make_trial: MakeTrial, home: Home) -> None:
    outcome, witness = run(make_trial(seed=3), home)
    assert witness.heard == ["seed 3 started", "seed 3 epoch 1", "seed 3 epoch 2", f"seed 3 {outcome.status.value}"]
    assert outcome.status.is_result
    last = witness.epochs[-1].metrics
    assert {"pretrain/loss", "knn/top1", "probe/few_shot_top1", "probe/top1", "scores/negative_variance"} <= set(last)
    assert witness.epochs[0].histograms


@pytest.mark.slow
def test_the_same_trial_gives_the_same_numbers(make_trial: MakeTrial, tmp_path: Path) -> None:
    trial = make_trial(FT)
    _, first = run(trial, Home(str(tmp_path / "first")))
    _, second = run(trial, Home(str(tmp_path / "second")))
    assert numbers(first) == numbers(second)
    _, other_seed = run(make_trial(FT, seed=1), Home(str(tmp_path / "first")))
    assert numbers(other_seed) != numbers(first)


def test_a_resumed_trial_gives_the_numbers_of_one_that_never_stopped(make_trial: MakeTrial, tmp_path: Path) -> None:
    trial = make_trial({**FT, "train.epochs": 3, "transform.start": 0.4})
    _, never_stopped = run(trial, Home(str(tmp_path / "never stopped")))
    run_until(trial, Home(str(tmp_path / "stopped")), 2)
    _, resumed = run(trial, Home(str(tmp_path / "stopped")))
    assert resumed.heard == never_stopped.heard
    assert numbers(resumed) == numbers(never_stopped)


@pytest.mark.slow
def test_a_finished_trial_is_read_from_its_checkpoint(make_trial: MakeTrial, home: Home) -> None:
    trial = make_trial()
    outcome, trained = run(trial, home)
    again, restored = run(trial, home)
    assert again == outcome
    assert restored.epochs == trained.epochs


@pytest.mark.slow
def test_a_trial_forks_from_what_another_trained(make_trial: MakeTrial, tmp_path: Path) -> None:
    baseline = make_trial({"train.epochs": 4})
    branch = make_trial({**FT, "train.epochs": 4, "transform.start": 0.5})
    _, alone = run(branch, Home(str(tmp_path / "alone")))
    shared = Home(str(tmp_path / "shared"))
    trunk = TrialRun(Assignment(baseline, frozenset({2})), shared, CPU, checkpoint_seconds=3600.0)
    trained = list(trunk.epochs())
    _, forked = run(branch, shared)
    assert forked.epochs[:2] == trained[:2]
    assert numbers(forked) == numbers(alone)


@pytest.mark.slow
def test_a_trial_that_shares_nothing_neither_reads_nor_leaves_shared_checkpoints(
    make_trial: MakeTrial, home: Home
) -> None:
    trial = make_trial()
    run(trial, home)
    assert TrialRun(Assignment(trial), home, CPU, checkpoint_seconds=0.0).history
    unshared = TrialRun(Assignment(trial, share=False), home, CPU, checkpoint_seconds=0.0)
    assert unshared.history == []
    there = set(CheckpointStore(checkpoints_folder(home)).names())
    assert [result.epoch for result in unshared.epochs()] == [1, 2]
    left = set(CheckpointStore(checkpoints_folder(home)).names()) - there
    assert left == set(trial.checkpoint_names(share=False))
    assert len(TrialRun(Assignment(trial, share=False), home, CPU, checkpoint_seconds=0.0).history) == 2


@pytest.mark.slow
def test_old_checkpoints_make_room_for_new_ones_but_not_forks(make_trial: MakeTrial, home: Home) -> None:
    trial = make_trial({"train.epochs": 6})
    list(TrialRun(Assignment(trial, frozenset({2})), home, CPU, checkpoint_seconds=0.0).epochs())
    assert [epoch for epoch in range(1, 7) if checkpoint(trial, home, epoch).exists()] == [2, 5, 6]


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage", ["flip", *(pytest.param(damage, marks=pytest.mark.slow) for damage in ("truncate", "empty"))]
)
def test_a_damaged_checkpoint_costs_time_and_no_result(
    damage: str, make_trial: MakeTrial, home: Home, tmp_path: Path
) -> None:
    trial = make_trial({"train.epochs": 3})
    _, undamaged = run(trial, Home(str(tmp_path / "undamaged")))
    run_until(trial, home, 2)
    path = checkpoint(trial, home, 2)
    content = path.read_bytes()
    broken = {"flip": bytes([content[0] ^ 1]) + content[1:], "truncate": content[:-7], "empty": b""}
    path.write_bytes(broken[damage])
    _, resumed = run(trial, home)
    assert numbers(resumed) == numbers(undamaged)
    assert resumed.epochs[0].timestamp < resumed.epochs[1].timestamp
    CheckpointStore(checkpoints_folder(home)).load(path.stem, CPU)


@pytest.mark.slow
def test_without_a_readable_checkpoint_a_trial_starts_again(make_trial: MakeTrial, home: Home, tmp_path: Path) -> None:
    trial = make_trial()
    _, undamaged = run(trial, Home(str(tmp_path / "undamaged")))
    run_until(trial, home, 1)
    checkpoint(trial, home, 1).write_bytes(b"not a checkpoint")
    _, resumed = run(trial, home)
    assert numbers(resumed) == numbers(undamaged)


@pytest.mark.slow
def test_a_checkpoint_of_another_architecture_is_refused(make_trial: MakeTrial, home: Home, tmp_path: Path) -> None:
    trial, wider = make_trial(), make_trial({"model.feature_dim": 32})
    _, undamaged = run(trial, Home(str(tmp_path / "undamaged")))
    run_until(wider, home, 1)
    checkpoint(wider, home, 1).rename(checkpoint(trial, home, 1))
    _, resumed = run(trial, home)
    assert numbers(resumed) == numbers(undamaged)


@pytest.mark.slow
def test_a_disk_that_is_full_costs_a_checkpoint_and_no_result(
    make_trial: MakeTrial, home: Home, tmp_path: Path
) -> None:
    trial = make_trial()
    _, undisturbed = run(trial, Home(str(tmp_path / "undisturbed")))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        full = TrialRun(Assignment(trial), home, CPU, checkpoint_seconds=0.0)
        disturbed = Witness()
        disturbed.epochs_trained(trial, list(full.epochs()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert full.judge() is not None
    assert numbers(disturbed) == numbers(undisturbed)
    assert "could not be written" in full.warning
    assert list((home / "checkpoints").iterdir()) == []


def test_checkpoints_that_cannot_be_reached_stop_a_trial_before_it_trains(make_trial: MakeTrial, home: Home) -> None:
    trial = make_trial()
    run_until(trial, home, 1)
    path = checkpoint(trial, home, 1)
    whole = path.rename(path.with_suffix(".whole"))
    path.symlink_to(path)
    with pytest.raises(StorageError, match="Too many levels of symbolic links"):
        run(trial, home)
    assert path.is_symlink(), "what cannot be read may be whole: it is never deleted"
    assert whole.exists()


def test_images_that_are_not_those_of_the_trial_are_refused(make_trial: MakeTrial, home: Home) -> None:
    trial = dataclasses.replace(make_trial(), fingerprint="0" * 32)
    with pytest.raises(DataError, match=r"those of 'digits' on .* differ: fingerprint a5c30.*, not 000"):
        run(trial, home)
    assert not (home / "checkpoints").exists()


@pytest.mark.slow
def test_checkpoints_keep_their_distance_in_time(make_trial: MakeTrial, home: Home) -> None:
    trial = make_trial({"train.epochs": 3})
    run(trial, home, checkpoint_seconds=3600.0)
    assert [epoch for epoch in (1, 2, 3) if checkpoint(trial, home, epoch).exists()] == [3]


def test_a_divergence_is_an_outcome(make_trial: MakeTrial, home: Home) -> None:
    outcome, witness = run(make_trial({"train.learning_rate": 1e30}), home)
    assert outcome.status is TrialStatus.FAILED
    assert outcome.reason.startswith("diverged: the loss must be finite, but became nan in epoch 1")
    assert witness.heard == ["seed 0 started", "seed 0 failed"]


def test_a_trial_that_is_stopped_ends_as_interrupted(make_trial: MakeTrial, home: Home) -> None:
    class Stops(Witness):
        def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
            super().epochs_trained(trial, epochs)
            raise KeyboardInterrupt

    witness = Stops()
    with pytest.raises(KeyboardInterrupt):
        run_here(Assignment(make_trial()), home=home, device=CPU, checkpoint_seconds=0.0, listeners=[witness])
    assert witness.heard == ["seed 0 started", "seed 0 epoch 1", "seed 0 interrupted"]


@pytest.mark.parametrize(("negative_mean", "status"), [(0.1, TrialStatus.FINISHED), (0.89, TrialStatus.COLLAPSED)])
def test_collapse_is_judged_from_the_last_epoch(negative_mean: float, status: TrialStatus) -> None:
    metrics = {"scores/positive_mean": 0.9, "scores/negative_mean": negative_mean, "pretrain/loss": 1.0}
    outcome = judge(MoCo, EpochResult(2, 0.0, metrics))
    assert outcome.status is status
    assert bool(outcome.reason) == (status is TrialStatus.COLLAPSED)


def test_a_damaged_checkpoint_that_is_trained_again_is_said(make_trial: MakeTrial, home: Home) -> None:
    trial = make_trial()
    run_until(trial, home, 1)
    checkpoint(trial, home, 1).write_bytes(b"not a checkpoint")
    resumed = TrialRun(Assignment(trial), home, CPU, checkpoint_seconds=60.0)
    assert "must match its checksum, but is truncated or altered. What it held is trained again." in resumed.warning
