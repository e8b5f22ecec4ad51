"""Seconds of one digits trial on one core: 100 epochs of 10 steps with its probes, without Ray and without MLflow."""

import argparse
import tempfile
import time

import torch
from _harness import report

from ftlab.assembly.images import load_images
from ftlab.config.home import Home
from ftlab.running.feed import Assignment
from ftlab.running.trial_run import TrialRun
from ftlab.study.spec import expand_trials, load_study

CPU = torch.device("cpu")


def main() -> None:
    """Time whole trials of the experiment ``components``, cell ``both``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    study = load_study("components", "digits", num_seeds=1)
    seconds = []
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as folder:
            home = Home(folder)
            dataset = load_images(study.data, home)
            trial = next(t for t in expand_trials(study, dataset.fingerprint) if t.cell == "both")
            started = time.perf_counter()
            for _ in TrialRun(Assignment(trial), home, CPU, study.profile.resources.checkpoint_seconds).epochs():
                pass
            seconds.append(time.perf_counter() - started)
    report("digits_trial", seconds, "seconds", {"epochs": trial.config.train.epochs, "threads": 1, "FT": "both"})


if __name__ == "__main__":
    main()
