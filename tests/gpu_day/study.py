"""The study of a GPU day: `components`, seed by seed, in one process without Ray and MLflow, into a journal.

Chooses the number of epochs by what a few steps take, trains whole seeds while time is left, and writes after each
trial ``study.json`` and ``journal.tar.gz``, which `make import-journal` brings into the store at home.
"""

import argparse
import json
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import torch

from ftlab.assembly.process import make_device, prepare_process
from ftlab.config.home import Home
from ftlab.estimate.calibration.measurement import Measurement
from ftlab.estimate.calibration.measuring_process import CalibratedTrial
from ftlab.machine.hardware import find_hardware
from ftlab.running.here import run_study_here
from ftlab.running.recorder import TrialRecorder
from ftlab.running.stage_feed import StageFeed
from ftlab.study.fingerprint import fingerprint_data
from ftlab.study.spec import StudySpec, Trial, expand_trials, load_study
from ftlab.tracking.journal import Journal
from ftlab.tracking.records import Outcome
from ftlab.tracking.tracker import NullTracker
from ftlab.tracking.writer import TrackingWriter
from ftlab.training.epoch_result import EpochResult

EXPERIMENT = "components"
LENGTHS = (2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200)
# In a short training, FT from the first epoch keeps the scores near collapse.
START = 0.3
SMALL = {
    "model.backbone": "small_cnn",
    "model.bn_groups": 4,
    "train.batch_size": 64,
    "train.precision": "float32",
    "method.queue_size": 256,
    "probe.knn_k": 20,
    "probe.few_shot_labels": 2,
    "probe.linear_epochs": 5,
}


class TimeIsUpError(Exception):
    """The time of the day is over."""


class Clock:
    """The listener that ends a training when the time is over, and says how trials go.

    Args:
        seconds: Time from now on.
    """

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._started = time.monotonic()

    @property
    def seconds_left(self) -> float:
        """Seconds until the end."""
        return self._deadline - time.monotonic()

    def trial_started(self, trial: Trial) -> None:
        """Remember when."""
        self._started = time.monotonic()

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        """End the training if the time is over.

        Raises:
            TimeIsUpError: It is.
        """
        if self.seconds_left < 0:
            raise TimeIsUpError(trial.name)

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Say how it ended."""
        print(f"{trial.name}: {outcome.status.value} after {time.monotonic() - self._started:.1f} s", flush=True)


class Notes:
    """The listener that keeps what the day's table shows, and the archive of the journal.

    Args:
        folder: Folder of both.
        journal: Folder of the journal.
        study: The study that is trained.
        about: Facts beside the accuracies.
    """

    def __init__(self, folder: Path, journal: Path, study: StudySpec, about: Mapping[str, Any]) -> None:
        self._folder = folder
        self._journal = journal
        self._about = about
        self._metric = study.metric
        self._found: dict[str, dict[int, float]] = {cell.name: {} for cell in study.cells}
        self._last: dict[str, float] = {}

    def trial_started(self, trial: Trial) -> None:
        """Forget the last trial."""
        self._last = {}

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochResult]) -> None:
        """Keep the latest metrics."""
        for epoch in epochs:
            self._last |= epoch.metrics

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Write what there is."""
        if outcome.status.is_result:
            self._found[trial.cell][trial.config.seed] = self._last[self._metric]
        content = {**self._about, "metric": self._metric, "cells": self._found}
        (self._folder / "study.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        fresh = self._folder / "journal.new"
        with tarfile.open(fresh, "w:gz") as packed:
            packed.add(self._journal, arcname="trials")
        fresh.replace(self._folder / "journal.tar.gz")


def main() -> None:
    """Check the data, choose the length, train."""
    arguments = parse_arguments()
    data = photographs_of(arguments)
    home = Home(str(arguments.home))
    study = load(arguments, data, LENGTHS[0])
    fingerprint = fingerprint_data(study.data, [cell.config for cell in study.cells], home)
    if arguments.fingerprint and fingerprint != arguments.fingerprint:
        raise SystemExit(
            f"error: the photographs must have the pixels that they have at home, {arguments.fingerprint}, but here "
            f"they are {fingerprint}: another decoder, so no table at home could use the trials. Use the pack's Pillow."
        )
    if arguments.check:
        return
    clock = Clock(arguments.seconds)
    resources = study.profile.resources.model_copy(update={"device": arguments.device})
    prepare_process(resources)
    device = make_device(arguments.device)
    epochs = choose_length(arguments, data, home, device, clock.seconds_left)
    study = load(arguments, data, epochs)
    print(f"{epochs} epochs; records fill: {table_command(study)}", flush=True)
    journal = home / "trials"
    writer = TrackingWriter(NullTracker(), Journal(journal))
    notes = Notes(arguments.output, journal, study, {"epochs": epochs, "command": table_command(study)})
    recorder = TrialRecorder(study.results_name, writer, find_hardware(resources, together=1))
    try:
        train_seeds(study, fingerprint, home, device, clock, [recorder, notes, clock])
    except TimeIsUpError as error:
        print(f"the time was over in {error}")
    finally:
        writer.close()


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True, help="caches, checkpoints and the journal")
    parser.add_argument("--photographs", type=Path, help="folder with train/ and test/; without it, the digits")
    parser.add_argument("--fingerprint", help="what the photographs must be")
    parser.add_argument("--small", action="store_true", help="an encoder that a laptop's cores can train")
    parser.add_argument("--check", action="store_true", help="check the photographs, and train nothing")
    return parser.parse_args()


def photographs_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the data; none for the digits, which their profile has."""
    if arguments.photographs is None:
        return {}
    return {"data.name": "folder", "data.root": str(arguments.photographs)}


def load(arguments: argparse.Namespace, data: dict[str, Any], epochs: int) -> StudySpec:
    """Return the study at a length; one seed."""
    settings = {**data, **(SMALL if arguments.small and data else {})}
    if data:
        settings["transform.start"] = START
    profile = "cifar10" if data else "digits"
    return load_study(EXPERIMENT, profile, num_seeds=1, overrides={**settings, "train.epochs": epochs})


def choose_length(
    arguments: argparse.Namespace, data: dict[str, Any], home: Home, device: torch.device, seconds: float
) -> int:
    """Return the most epochs at which two seeds fit the time; if none does, at which one fits; at least the fewest."""
    longest = load(arguments, data, LENGTHS[-1]).cells[-1].config
    probe = CalibratedTrial(longest, home, device)
    probe.warm_up()
    measured = probe.measure(1.0)
    most = LENGTHS[2] if arguments.small else LENGTHS[-1]
    for seeds in (2, 1):
        fitting = [
            epochs
            for epochs in LENGTHS
            if epochs <= most and seeds * seconds_of_seed(load(arguments, data, epochs), measured) <= 0.85 * seconds
        ]
        if fitting:
            return fitting[-1]
    return LENGTHS[0]


def seconds_of_seed(study: StudySpec, measured: Measurement) -> float:
    """Return about what one seed of each cell takes, where the epochs before FT are trained once."""
    each, shared = 0.0, 0
    for cell in study.cells:
        epochs, every = cell.config.train.epochs, cell.config.probe.every
        transformed = len(cell.config.transform.epochs_on(epochs))
        shared = max(shared, (epochs - transformed) if transformed else 0)
        each += transformed * (measured.transformed_seconds or 0.0)
        each += (epochs - transformed) * (measured.plain_seconds or 0.0)
        each += measured.final_seconds + measured.build_seconds
        each += (epochs // every if every else 0) * measured.knn_seconds
    return each - (len(study.cells) - 1) * shared * (measured.plain_seconds or 0.0)


def train_seeds(
    study: StudySpec, fingerprint: str, home: Home, device: torch.device, clock: Clock, listeners: Sequence[Any]
) -> None:
    """Train one seed after another, each only if the last one says that it fits."""
    longest = 0.0
    for seed in count():
        if seed and longest > clock.seconds_left:
            return
        started = time.monotonic()
        feed = StageFeed(expand_trials(replace(study, seeds=(seed,)), fingerprint))
        run_study_here(feed, home=home, device=device, checkpoint_seconds=3600.0, listeners=listeners)
        longest = max(longest, time.monotonic() - started)


def table_command(study: StudySpec) -> str:
    """Return the command that makes a table of the records at home."""
    settings = {**study.overrides}
    if "data.root" in settings:
        settings["data.root"] = f"/path/to/{Path(str(settings['data.root'])).name}"
    spelled = " ".join(f"{name}={value}" for name, value in settings.items())
    return f'make table EXP={study.experiment} PROFILE={study.profile_name} SEEDS=<seeds> SET="{spelled}"'


if __name__ == "__main__":
    main()
