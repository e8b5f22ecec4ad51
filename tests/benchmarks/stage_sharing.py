"""Epochs that a sweep of FT's start trains when trials share prefixes, against one in which they share nothing.

Epochs are counted as they were trained, by the moments at which they ended: a fork repeats its trunk's.
"""

import json
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

import pandas as pd
import yaml
from _harness import report
from _sweeps import run_sweep

from ftlab.config.loading import experiments_folder

TEN_STARTS = {
    "question": "Ten starts",
    "seeds": 1,
    "overrides": {"transform.positives": "extrapolate", "transform.negatives": "interpolate"},
    "grid": {"transform.start": [start / 10 for start in range(10)]},
}


def main() -> None:
    """Sweep ft_start both ways and compare every metric of every trial; sweep ten starts with sharing."""
    folder = Path(mkdtemp())
    try:
        shutil.copytree(experiments_folder(), folder / "experiments")
        (folder / "experiments" / "ten_starts.yaml").write_text(yaml.safe_dump(TEN_STARTS))
        os.environ["FTLAB_EXPERIMENTS"] = str(folder / "experiments")
        shared_seconds, shared, metrics = _sweep("ft_start", folder / "shared")
        alone_seconds, alone, metrics_alone = _sweep("ft_start", folder / "alone", "--no-share")
        _, ten_starts, _ = _sweep("ten_starts", folder / "ten", "--set", "train.epochs=20")
    finally:
        shutil.rmtree(folder)
    details = {
        "epochs trained with sharing": shared,
        "epochs trained without": alone,
        "seconds with sharing": shared_seconds,
        "seconds without": alone_seconds,
        "metrics are bit-identical": metrics.equals(metrics_alone),
        "ten starts, epochs trained / unshared": ten_starts / (10 * 20),
    }
    report("stage_sharing", [shared / alone], "ratio", details)


def _sweep(experiment: str, folder: Path, *arguments: str) -> tuple[float, int, pd.DataFrame]:
    """Return the seconds of a sweep, the number of epochs that it trained, and trials.csv without what names runs."""
    seconds, _, _ = run_sweep(*arguments, experiment=experiment, folder=folder, keep=True)
    (path,) = (folder / "results").glob("*/*/trials.csv")
    return (
        seconds,
        _count_epochs(folder / "home" / "trials"),
        pd.read_csv(path, dtype=str).drop(columns="mlflow_run_id"),
    )


def _count_epochs(journal: Path) -> int:
    ends = set()
    for path in journal.glob("*.jsonl"):
        events = [json.loads(line) for line in path.read_text().splitlines()]
        ends |= {epoch["timestamp"] for event in events if event["event"] == "epochs" for epoch in event["epochs"]}
    return len(ends)


if __name__ == "__main__":
    main()
