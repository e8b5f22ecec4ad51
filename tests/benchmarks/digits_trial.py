"""Seconds of one digits trial on one core: 100 epochs of 10 steps with its probes, without Ray and without MLflow.

With ``--beside COMMIT`` the same trial is trained by the code of an earlier commit too, in turn with that of this
checkout, each time in a process of its own. The value is then the ratio of their processor times, from the start of
Python to its end: on a machine that others use, wall-clock times say little. Both must come to the same numbers.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from _harness import report, report_ratio

from ftlab.assembly.images import load_images
from ftlab.assembly.process import keep_freed_memory
from ftlab.config.home import Home
from ftlab.running.feed import Assignment
from ftlab.running.trial_run import TrialRun
from ftlab.study.spec import expand_trials, load_study

CPU = torch.device("cpu")
HERE = Path(__file__).resolve()
CHECKOUT = HERE.parents[2]
DETAILS = {"experiment": "components", "threads": 1, "FT": "both"}


class Training(NamedTuple):
    """A trial in a process of its own.

    Attributes:
        processor: Seconds of the processor, of the whole process.
        wall: Seconds of the clock, of the whole process.
        trial: Seconds of the processor, of the trial alone.
        metrics: What its last epoch measured.
    """

    processor: float
    wall: float
    trial: float
    metrics: Mapping[str, float]


def main() -> None:
    """Time whole trials of the experiment ``components``, cell ``both``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beside", metavar="COMMIT", help="an earlier commit, whose trial is timed in turn with ours")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.child:
        _, seconds, metrics = train()
        print(json.dumps({"trial": seconds, "metrics": metrics}))
    elif arguments.beside:
        compare(arguments.beside, arguments.rounds)
    else:
        report("digits_trial", [train()[0] for _ in range(arguments.rounds)], "seconds", DETAILS)


def train() -> tuple[float, float, Mapping[str, float]]:
    """Train a trial in this process; return its seconds by the clock and of the processor, and its last metrics."""
    keep_freed_memory()  # as workers do
    study = load_study("components", "digits", num_seeds=1)
    with tempfile.TemporaryDirectory() as folder:
        home = Home(folder)
        dataset = load_images(study.data, home)
        trial = next(t for t in expand_trials(study, dataset.fingerprint) if t.cell == "both")
        started, before = time.perf_counter(), time.process_time()
        *_, last = TrialRun(Assignment(trial), home, CPU, study.profile.resources.checkpoint_seconds).epochs()
        wall, processor = time.perf_counter() - started, time.process_time() - before
    return wall, processor, {name: value for name, value in last.metrics.items() if not name.endswith("_seconds")}


def compare(commit: str, rounds: int) -> None:
    """Train in turn by the code of a commit and by ours, and report the ratio of their processor times."""
    pairs = []
    with checkout_of(commit) as earlier:
        for number in range(rounds):
            theirs, ours = train_apart(earlier), train_apart(CHECKOUT)
            print(f"  round {number + 1}: {ours.processor:.1f} s against {theirs.processor:.1f} s", flush=True)
            pairs.append((ours, theirs))
    differing = [name for ours, theirs in pairs for name in ours.metrics if ours.metrics[name] != theirs.metrics[name]]
    details: dict[str, Any] = {
        **DETAILS,
        "beside": commit,
        "wall seconds": [(round(ours.wall, 2), round(theirs.wall, 2)) for ours, theirs in pairs],
        "processor seconds of the trial alone": [
            (round(ours.trial, 2), round(theirs.trial, 2)) for ours, theirs in pairs
        ],
        "metrics that differ": sorted(set(differing)) or "none",
    }
    report_ratio("digits_trial", [(ours.processor, theirs.processor) for ours, theirs in pairs], details)


def train_apart(checkout: Path) -> Training:
    """Train a trial by the code of a checkout, in a new process with one thread."""
    paths = [str(checkout / folder) for folder in ("platform", "dashboards")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
    started, before = time.perf_counter(), children_seconds()
    done = subprocess.run(
        [sys.executable, str(HERE), "--child"], env=environment, cwd=checkout, check=True, stdout=subprocess.PIPE
    )
    wall, processor = time.perf_counter() - started, children_seconds() - before
    return Training(processor, wall, **json.loads(done.stdout.splitlines()[-1]))


def children_seconds() -> float:
    """Return the processor time of all processes that this one has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def checkout_of(commit: str) -> Iterator[Path]:
    """Yield a folder with the files of a commit, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "earlier"
        run_git("worktree", "add", "--detach", str(path), commit)
        try:
            yield path
        finally:
            run_git("worktree", "remove", "--force", str(path))


def run_git(*arguments: str) -> None:
    """Run git in this checkout."""
    subprocess.run(["git", *arguments], cwd=CHECKOUT, check=True, capture_output=True)


if __name__ == "__main__":
    main()
