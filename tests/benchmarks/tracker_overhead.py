"""Time of a study of 200 trials of one epoch that MLflow records in SQLite, against one that nobody records."""

import shutil
import time
from pathlib import Path
from tempfile import mkdtemp

from _harness import report_ratio

from ftlab.config.home import Home
from ftlab.engine.planning import name_trials
from ftlab.machine.capacity import Capacity
from ftlab.machine.hardware import find_hardware
from ftlab.running.recorder import TrialRecorder, study_record
from ftlab.running.stage_feed import StageFeed
from ftlab.study.spec import load_study
from ftlab.tracking.journal import Journal
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.tracker import NullTracker, Tracker
from ftlab.tracking.tracking_uri import default_tracking_uri
from ftlab.tracking.writer import TrackingWriter
from ftlab.workers.session import RaySession

OVERRIDES = {"train.epochs": 1}
ROUNDS = 2


def main() -> None:
    """Time both in turn in one Ray session; every round starts from an empty home."""
    study = load_study("queue", "digits", num_seeds=50, overrides=OVERRIDES)
    folder = Path(mkdtemp())

    def seconds(tracker: Tracker, home: Home) -> float:
        from ftlab.workers.study_run import run_study

        trials = name_trials(study, home)
        assert len(trials) == 200
        tracker.open_study(study_record(study))
        started = time.perf_counter()
        writer = TrackingWriter(tracker, Journal(home / "trials"))
        recorder = TrialRecorder(study.results_name, writer, find_hardware(study.profile.resources, together=2))
        run_study(StageFeed(trials), home=home, resources=study.profile.resources, listeners=[recorder])
        assert writer.close() == []
        return time.perf_counter() - started

    def in_mlflow(home: Home) -> MlflowTracker:
        return MlflowTracker(default_tracking_uri(home.local), home / "artifacts")

    try:
        with RaySession(Capacity(cpus=2, gpus=0)):
            pairs = []
            for number in range(ROUNDS):
                recorded, alone = (Home(str(folder / f"{number}-{kind}")) for kind in ("mlflow", "null"))
                pairs.append((seconds(in_mlflow(recorded), recorded), seconds(NullTracker(), alone)))
    finally:
        shutil.rmtree(folder)
    report_ratio("tracker_overhead", pairs, {"trials": 200})


if __name__ == "__main__":
    main()
