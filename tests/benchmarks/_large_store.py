"""A tracking store of thousands of runs, made in seconds.

One run of each cell is recorded through the tracker; the others are copies of it with other seeds and slightly other
numbers, made inside the SQLite file, since recording 2,000 runs one by one takes a quarter of an hour.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterable
from math import exp, log
from pathlib import Path
from uuid import uuid4

import numpy as np
from _training import moco_settings

from ftlab.config.home import Home
from ftlab.contrast.score_statistics import COSINE_RANGE, SCORE_STATISTICS
from ftlab.machine.hardware import find_hardware
from ftlab.running.recorder import study_record, trial_record
from ftlab.study.fingerprint import fingerprint_data
from ftlab.study.spec import StudySpec, Trial, expand_trials
from ftlab.tracking.opening import open_tracker
from ftlab.tracking.records import Outcome, TrialStatus
from ftlab.training.epoch_result import EpochResult

COPIED = ("params", "metrics", "latest_metrics", "tags")


def build_store(home: Home, study: StudySpec, num_runs: int) -> None:
    """Record the first ``num_runs`` trials of a study below ``home``, each finished."""
    fingerprint = fingerprint_data(study.data, (cell.config for cell in study.cells), home)
    trials = expand_trials(study, fingerprint)[:num_runs]
    originals: dict[str, Trial] = {}
    for trial in trials:
        originals.setdefault(trial.cell_key, trial)
    _record(home, study, originals.values())
    with sqlite3.connect(home / "mlflow.db") as database:
        for trial in trials:
            original = originals[trial.cell_key]
            if trial is not original:
                _copy(database, original, trial)
        database.executescript("ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);")


def _record(home: Home, study: StudySpec, trials: Iterable[Trial]) -> None:
    tracker = open_tracker(home.local)
    tracker.open_study(study_record(study))
    hardware = find_hardware(study.profile.resources, together=1)
    for place, trial in enumerate(trials):
        tracker.open_trial(trial_record(trial, study.results_name, hardware))
        tracker.log_epochs(trial.key, [_epoch(trial, place, epoch) for epoch in range(1, trial.epochs + 1)])
        tracker.close_trial(trial.key, Outcome(TrialStatus.FINISHED))
    tracker.close_study(study.results_name, description="", artifacts=None, complete=True)


def _epoch(trial: Trial, place: int, epoch: int) -> EpochResult:
    progress = epoch / trial.epochs
    positive, spread = 0.9 - 0.2 * progress, 0.1 + 0.2 * progress
    negative = 0.8 * exp(-4 * progress) + 0.01 * place
    names = [statistic.name for statistic in SCORE_STATISTICS]
    scores = {name: positive if "positive_mean" in name else negative for name in names if "mean" in name}
    scores |= {name: spread**2 for name in names if "variance" in name}
    metrics = {
        "pretrain/loss": log(moco_settings(trial.config).queue_size) * (1 - 0.5 * progress),
        "pretrain/learning_rate": 0.03 * (1 - progress),
        "epoch_seconds": 0.1,
        "train_seconds": 0.08,
    }
    if epoch == trial.epochs:
        metrics |= {"knn/top1": 95.0 - place, "probe/top1": 97.0 - place, "probe/few_shot_top1": 90.0 - 2 * place}
    histograms = {
        "scores/positive": _counts(positive, 0.1, 1000),
        "scores/negative": _counts(negative, spread, 100_000),
    }
    clock: list[float] = [10 * (epoch - 1) + step for step in range(1, 11)]
    steps: dict[str, list[float]] = {"step": clock, **{name: [value] * len(clock) for name, value in scores.items()}}
    norms = {f"layer{depth}": 10.0**-depth * (1 - 0.5 * progress) for depth in range(6)}
    return EpochResult(epoch, 1.7e9 + 10 * epoch, {**scores, **metrics}, histograms, steps, norms)


def _counts(mean: float, spread: float, total: int) -> list[int]:
    centres = np.linspace(*COSINE_RANGE, 101)[:-1] + 0.01
    weights = np.exp(-(((centres - mean) / spread) ** 2) / 2)
    return [int(count) for count in total * weights / weights.sum()]


def _copy(database: sqlite3.Connection, original: Trial, trial: Trial) -> None:
    (source,) = database.execute(
        "SELECT run_uuid FROM tags WHERE key = 'ftlab.trial_key' AND value = ?", (original.key,)
    ).fetchone()
    run_id = uuid4().hex
    columns = [name for _, name, *_ in database.execute("PRAGMA table_info(runs)")]
    values = dict(
        zip(columns, database.execute("SELECT * FROM runs WHERE run_uuid = ?", (source,)).fetchone(), strict=True)
    )
    artifacts = values["artifact_uri"].replace(source, run_id)
    values |= {"run_uuid": run_id, "name": trial.name, "artifact_uri": artifacts}
    database.execute(f"INSERT INTO runs VALUES ({', '.join('?' * len(values))})", list(values.values()))  # noqa: S608
    for table in COPIED:
        names = [name for _, name, *_ in database.execute(f"PRAGMA table_info({table})")]
        chosen = {"run_uuid": f"'{run_id}'", "value": "value" if table in ("params", "tags") else _noisy(trial)}
        terms = ", ".join(chosen.get(name, name) for name in names)
        database.execute(f"INSERT INTO {table} SELECT {terms} FROM {table} WHERE run_uuid = ?", (source,))  # noqa: S608
    changed = {"ftlab.trial_key": trial.key, "ftlab.seed": str(trial.config.seed), "mlflow.runName": trial.name}
    for key, text in changed.items():
        database.execute("UPDATE tags SET value = ? WHERE run_uuid = ? AND key = ?", (text, run_id, key))
    database.execute(
        "UPDATE params SET value = ? WHERE run_uuid = ? AND key = 'seed'", (str(trial.config.seed), run_id)
    )
    folder = Path(artifacts.removeprefix("file://"))
    shutil.copytree(str(folder).replace(run_id, source), folder, copy_function=os.link)


def _noisy(trial: Trial) -> str:
    """Return values that differ from seed to seed by some thousandths, the same for the same trial."""
    return f"value * {1 + (int(trial.key[:4], 16) / 65536 - 0.5) * 0.04:.6f}"
