import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from ftlab.assembly.images import load_images
from ftlab.config.experiment import ProfileConfig
from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.machine.hardware import Hardware
from ftlab.running.feed import Assignment
from ftlab.running.here import run_here
from ftlab.running.recorder import TrialRecorder, trial_record
from ftlab.study.spec import Trial, expand_trials, single_trial_study
from ftlab.tracking.journal import Journal
from ftlab.tracking.journal_line import journal_line
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.tracking.tracker import NullTracker
from ftlab.tracking.writer import TrackingWriter
from ftlab.training.epoch_result import EpochResult

Change = Callable[[dict[str, Any]], object]
Edit = Callable[[Path, int, Change], None]

THEIRS = Hardware(cpu="a Xeon", cores="64", device="NVIDIA H100", threads=8, together=1)
DATA = "d" * 32
FINISHED = Outcome(TrialStatus.FINISHED)


class Lab:
    """Another home, whose journal is written literally."""

    def __init__(self, folder: Path, profile: ProfileConfig) -> None:
        self.folder = folder
        self.trials = folder / "trials"
        self.journal = Journal(self.trials)
        self._profile = profile

    def trial(self, seed: int = 0, settings: Mapping[str, Any] | None = None) -> Trial:
        """Return a trial of two epochs."""
        (trial,) = expand_trials(single_trial_study("tiny", self._profile, seed, settings or {}), DATA)
        return trial

    def record(
        self,
        seed: int = 0,
        *,
        outcome: Outcome | None = FINISHED,
        metrics: Sequence[float] = (50.0, 60.5),
        study: str = "exp/tiny",
        hardware: Hardware = THEIRS,
        settings: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write a trial's file and return it."""
        trial = self.trial(seed, settings)
        self.journal.append_trial(trial_record(trial, study, hardware))
        for number, value in enumerate(metrics, 1):
            epoch = {"knn/top1": value, "train_seconds": 1.0 + seed, "epoch_seconds": 2.0}
            steps = {"step": [10.0 * number], "scores/positive_mean": [0.5]}
            self.journal.append_epochs(
                trial.key, [EpochResult(number, 1_700_000_000.5 + number, epoch, {"scores/positive": [1, 2]}, steps)]
            )
        if outcome is not None:
            self.journal.append_outcome(trial.key, outcome)
        return self.trials / f"{trial.key}.jsonl"


@pytest.fixture
def lab(tmp_path: Path, profile: ProfileConfig) -> Lab:
    """The other home."""
    return Lab(tmp_path / "lab", profile)


@pytest.fixture
def ours(home: Home, profile: ProfileConfig) -> Lab:
    """This home."""
    return Lab(home.local, profile)


@pytest.fixture
def edit() -> Edit:
    """Change the event of a line and give it the checksum that it then has: `edit(path, 2, change)`, from 1."""

    def apply(path: Path, number: int, change: Change) -> None:
        lines = path.read_bytes().splitlines()
        event = json.loads(lines[number - 1])
        del event["format"], event["checksum"]
        change(event)
        lines[number - 1] = journal_line(event)
        path.write_bytes(b"".join(line + b"\n" for line in lines))

    return apply


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_profile: dict[str, Any]) -> Path:
    """The journal of a home in which a trial was trained."""
    home = Home(str(tmp_path_factory.mktemp("trained")))
    study = single_trial_study("tiny", ProfileConfig.model_validate(tiny_profile), 0, {})
    (trial,) = expand_trials(study, load_images(DataConfig(), home).fingerprint)
    writer = TrackingWriter(NullTracker(), Journal(home / "trials"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    run_here(
        Assignment(trial),
        home=home,
        device=torch.device("cpu"),
        checkpoint_seconds=60.0,
        listeners=[TrialRecorder(study.results_name, writer, THEIRS)],
    )
    torch.set_num_threads(threads)
    assert writer.close() == []
    return home / "trials"
