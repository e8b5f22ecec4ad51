"""The driver alone: plan, feed, dispatch and record trials of one epoch for 256 slots whose workers answer at once.

Only the workers are made up; neither Ray nor torch is imported. Each size has a process of its own, so that its memory
is its own. Time is on a line if a trial costs the same, within 20%, at the largest size as at the smallest; memory if
the line through the two smallest sizes ends within 20% of the largest one's.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from tempfile import TemporaryDirectory

from _harness import report

from ftlab.config.experiment import ExperimentConfig
from ftlab.config.home import Home
from ftlab.config.loading import load_profile
from ftlab.machine.hardware import find_hardware
from ftlab.running.checkpoints import existing_checkpoints
from ftlab.running.dispatch import Dispatcher
from ftlab.running.feed import Assignment
from ftlab.running.recorder import TrialRecorder, study_record
from ftlab.running.stage_feed import StageFeed
from ftlab.study.plan import make_plan
from ftlab.study.spec import StudySpec, Trial, expand_trials, resolve_study
from ftlab.tracking.journal import Journal
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.tracking.tracker import NullTracker, Tracker
from ftlab.tracking.tracking_uri import default_tracking_uri
from ftlab.tracking.writer import TrackingWriter
from ftlab.training.epoch_result import EpochResult

SIZES = {"null": (1_000, 10_000, 100_000), "sqlite": (1_000, 5_000)}
SLOTS = 256
GRID = {"method.key_momentum": [0.9, 0.99], "train.learning_rate": [0.01 * step for step in range(1, 11)]}
METRICS = [f"scores/statistic_{number}" for number in range(12)] + ["pretrain/loss", "knn/top1", "probe/top1"]
BINS = 100
TOLERANCE = 0.2


def main() -> None:
    """Measure every size, or the one that is named: ``driver_scale.py sqlite 1000``."""
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
        return
    found = {tracker: [_in_process(tracker, size) for size in sizes] for tracker, sizes in SIZES.items()}
    columns = ("trials", "trials_per_second", "plan_cpu", "drive_cpu", "milliseconds", "cpu_milliseconds", "memory_mb")
    print("tracker", *columns, sep="\t")
    for tracker, rows in found.items():
        for row in rows:
            print(tracker, *(f"{row[name]:,.5g}" for name in columns), sep="\t")
    details: dict[str, object] = {
        "slots": SLOTS,
        "load of the machine": f"{os.getloadavg()[0]:.1f}",
        **{f"{tracker}: {name}": told for tracker, rows in found.items() for name, told in _lines(rows).items()},
        "measured": found,
    }
    report("driver_scale", [found["null"][-1]["trials_per_second"]], "trials/s", details)


def measure(kind: str, size: int) -> dict[str, float]:
    """Return time and memory of a study of ``size`` trials, from its settings to the last record."""
    with TemporaryDirectory() as folder:
        home = Home(folder)
        tracker = _tracker(kind, home)
        tracker.load_trials()  # imports pandas
        before = _peak_mb()
        started, cpu_started = time.perf_counter(), time.process_time()
        study = _study(size)
        trials = _planned(study, tracker, home)
        planned, cpu_planned = time.perf_counter(), time.process_time()
        _drive(study, trials, tracker, home)
        ended, cpu_ended = time.perf_counter(), time.process_time()
        assert not {"ray", "torch"} & sys.modules.keys()
        peak = _peak_mb()
        assert len(list((home / "trials").iterdir())) == size
    return {
        "trials": size,
        "trials_per_second": size / (ended - started),
        "plan_seconds": planned - started,
        "drive_seconds": ended - planned,
        "plan_cpu": cpu_planned - cpu_started,
        "drive_cpu": cpu_ended - cpu_planned,
        "milliseconds": 1000 * (ended - started) / size,
        "cpu_milliseconds": 1000 * (cpu_ended - cpu_started) / size,
        "memory_mb": peak,
        "memory_mb_before": before,
    }


def _tracker(kind: str, home: Home) -> Tracker:
    if kind == "null":
        return NullTracker()
    # MLflow takes seconds to import.
    from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker

    return MlflowTracker(default_tracking_uri(home.local), home / "artifacts")


def _study(size: int) -> StudySpec:
    experiment = ExperimentConfig(question="How many trials can a driver follow?", grid=GRID)
    num_cells = len(GRID["method.key_momentum"]) * len(GRID["train.learning_rate"])
    profile = load_profile("digits")
    return resolve_study("driver", experiment, "digits", profile, size // num_cells, {"train.epochs": 1})


def _planned(study: StudySpec, tracker: Tracker, home: Home) -> Sequence[Trial]:
    # The data would import torch; its digest is all that names need.
    trials = expand_trials(study, "0" * 32)
    return make_plan(study, trials, tracker.load_trials(), existing_checkpoints(home)).todo


def _drive(study: StudySpec, trials: Sequence[Trial], tracker: Tracker, home: Home) -> None:
    tracker.open_study(study_record(study))
    writer = TrackingWriter(tracker, Journal(home / "trials"))
    recorder = TrialRecorder(study.results_name, writer, find_hardware(study.profile.resources, together=SLOTS))
    feed = StageFeed(trials)
    dispatcher = Dispatcher(feed, max_under_way=SLOTS + 1, max_failures=0)
    under_way: deque[Assignment] = deque()
    while not dispatcher.is_finished:
        while (assignment := dispatcher.next_assignment()) is not None:
            recorder.trial_started(assignment.trial)
            under_way.append(assignment)
        trial = under_way.popleft().trial
        epochs, outcome = _answer()
        for listener in (feed, recorder):
            listener.epochs_trained(trial, epochs)
        dispatcher.ended(trial.key, outcome)
        recorder.trial_ended(trial, outcome)
    assert writer.close() == []
    tracker.close_study(study.results_name, description="", artifacts=None, complete=True)


def _answer() -> tuple[list[EpochResult], Outcome]:
    histograms = {"scores/positive": range(BINS), "scores/negative": range(BINS)}
    steps = {"step": [float(step) for step in range(10)]}
    epoch = EpochResult(1, time.time(), dict.fromkeys(METRICS, 0.5), histograms, steps)
    return [epoch], Outcome(TrialStatus.FINISHED)


def _in_process(kind: str, size: int) -> dict[str, float]:
    command = [sys.executable, __file__, kind, str(size)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _lines(rows: Sequence[dict[str, float]]) -> dict[str, str]:
    """Return in words whether cost and memory are on a line over the sizes."""
    times = {"milliseconds a trial": "milliseconds", "of which processor time": "cpu_milliseconds"}
    told = {name: _costs_a_trial([row[column] for row in rows]) for name, column in times.items()}
    return {**told, "megabytes": _memory([(row["trials"], row["memory_mb"]) for row in rows])}


def _costs_a_trial(costs: Sequence[float]) -> str:
    ratio = costs[-1] / costs[0]
    return f"{', '.join(f'{cost:.3g}' for cost in costs)}; largest / smallest {ratio:.2f}: {_told(ratio)}"


def _memory(sizes: Sequence[tuple[float, float]]) -> str:
    (trials, memory), (more_trials, more_memory), *_ = sizes
    a_trial = (more_memory - memory) / (more_trials - trials)
    listed = (
        f"{', '.join(f'{size:.3g}' for _, size in sizes)}; {1024 * a_trial:.2g} kB a trial between the smallest two"
    )
    if len(sizes) == 2:
        return listed
    most_trials, most_memory = sizes[-1]
    ratio = most_memory / (memory + a_trial * (most_trials - trials))
    return f"{listed}; largest / their line {ratio:.2f}: {_told(ratio)}"


def _told(ratio: float) -> str:
    return "on a line" if abs(ratio - 1) <= TOLERANCE else "no line"


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
