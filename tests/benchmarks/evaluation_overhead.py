"""Seconds of an evaluation on a warm worker that are not the probes' own: of `make evaluate`, and of a sweep.

The probes' own seconds are those in which features are computed and judged. Forty kept backbones of digits are judged
on two slots; the first evaluation of each slot, which imports torch, does not count.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import fmean
from tempfile import mkdtemp
from typing import Any
from unittest.mock import patch

import torch
from _harness import report
from _sweeps import run_sweep

from ftlab.config.home import Home
from ftlab.engine.judging.evaluation_plan import Evaluation, plan_evaluation
from ftlab.machine.capacity import Capacity
from ftlab.running.feed import Assignment
from ftlab.running.ranked_run import run_starter
from ftlab.running.transfer.transfer_judge import judge_transfer
from ftlab.study.spec import load_study
from ftlab.study.transfer import Transfer
from ftlab.training.evaluation.features import extract_features
from ftlab.training.evaluation.probe import ProbeSuite
from ftlab.workers.judging_tasks import judge_in_tasks
from ftlab.workers.session import RaySession

SLOTS = 2
NUM_HERE = 10
SETTINGS = {"train.epochs": 1, "transform.start": 0.0, "probe.every": 0, "probe.linear_epochs": 10}
QUESTION = {"probe.few_shot_labels": 1}
CPU = torch.device("cpu")


def main() -> None:
    """Judge forty backbones by both ways once, and some of them in this process."""
    torch.set_num_threads(1)
    folder = Path(mkdtemp())
    home = Home(str(folder / "home"))
    try:
        _sweep(folder, SETTINGS)
        ends = _sweep(folder, {**SETTINGS, **QUESTION})
        study = load_study("queue", "digits", num_seeds=10, overrides=SETTINGS)
        transfers = _of_trials(plan_evaluation(study, ["digits"], home))
        in_tasks = _tasks_overhead(transfers, home)
        other = load_study("queue", "digits", num_seeds=10, overrides={**SETTINGS, "probe.few_shot_labels": 2})
        asked = _of_trials(plan_evaluation(other, ["digits"], home))
        here = [_seconds_here(partial(judge_transfer, one, home, CPU), folder) for one in transfers[:NUM_HERE]]
        kept = [_seconds_here(partial(judge_transfer, one, home, CPU)) for one in transfers[:NUM_HERE]]
        anew = [
            _seconds_here(partial(run_starter(1, "backbone"), Assignment(one.trial), home, CPU, 3600.0), folder)
            for one in asked[:NUM_HERE]
        ]
    finally:
        shutil.rmtree(folder)
    in_process = fmean(whole - own for whole, own in here)
    own_anew = fmean(own for _, own in anew)
    of_sweep = (SLOTS * (ends[-1] - ends[SLOTS - 1])) / (len(ends) - SLOTS) - own_anew
    details = {
        "of it by Ray's task": in_tasks,
        "of it in the worker": in_process,
        "of it in the worker where features are kept": fmean(whole - own for whole, own in kept),
        "probes' own seconds": fmean(own for _, own in here),
        "probes' own seconds where features are kept": fmean(own for _, own in kept),
        "a backbone judged anew by a sweep": of_sweep,
    }
    report("evaluation_overhead", [in_tasks + in_process], "seconds", details)


def _sweep(folder: Path, settings: dict[str, Any]) -> list[float]:
    """Sweep forty trials; return when each ended, ascending."""
    overrides = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    _, lines, _ = run_sweep(
        "--seeds", "10", "--cpus", str(SLOTS), *overrides, experiment="queue", folder=folder, keep=True
    )
    return [float(line.split()[0]) for line in lines if re.match(r"[\d.]+ \[\d+/40\]", line)]


def _of_trials(found: Evaluation) -> list[Transfer]:
    return [transfer for transfer in found.all_transfers if isinstance(transfer, Transfer)]


def _tasks_overhead(transfers: Sequence[Transfer], home: Home) -> float:
    """Return the seconds of a task on a warm worker that it does not spend in its evaluation."""
    resources = load_study("queue", "digits").profile.resources
    session = RaySession(Capacity(SLOTS, 0))
    try:
        session.wait()
        ended = [(time.perf_counter(), found) for _, found in judge_in_tasks(transfers, home, resources)]
    finally:
        session.stop()
    own = [found.seconds for _, found in ended[SLOTS:] if not isinstance(found, str) and found.seconds]
    return (SLOTS * (ended[-1][0] - ended[SLOTS - 1][0]) - sum(own)) / len(own)


def _seconds_here(judge: Callable[[], object], folder: Path | None = None) -> tuple[float, float]:
    """Return the seconds of a judgement in this process, and those of them in which features are computed and judged.

    Args:
        judge: Judges.
        folder: Folder of the benchmark, whose kept features are deleted first; None keeps them.
    """
    if folder:
        for path in (folder / "home" / "backbones").glob("*.features"):
            path.unlink()
    with _own_seconds() as own:
        started = time.perf_counter()
        judge()
        return time.perf_counter() - started, sum(own)


@contextmanager
def _own_seconds() -> Iterator[list[float]]:
    seconds: list[float] = []

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            started = time.perf_counter()
            found = function(*arguments, **named)
            seconds.append(time.perf_counter() - started)
            return found

        return call

    with (
        patch("ftlab.assembly.probes.extract_features", timed(extract_features)),
        patch.object(ProbeSuite, "judge", timed(ProbeSuite.judge)),
    ):
        yield seconds


if __name__ == "__main__":
    main()
