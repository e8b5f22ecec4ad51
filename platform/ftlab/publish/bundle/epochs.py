"""The histories of a table's trials: a table of scalars and one of score histograms, by epoch."""

from collections.abc import Sequence
from io import BytesIO
from math import nan

import pandas as pd

from ftlab.reporting.trace.provenance import SourceTrial
from ftlab.reporting.writers.spreadsheet import csv_text, number_text

COLUMNS = ("cell", "seed", "trial_key", "epoch")


def epochs_csv(trials: Sequence[SourceTrial], metrics: pd.DataFrame) -> str:
    """Return a row per trial and epoch with its scalars in full precision, in the order of the trials.

    Args:
        trials: The trials of the table.
        metrics: Their scalars as ``Tracker.load_histories`` returns them.
    """
    names = sorted(set(metrics["name"].astype(str)))
    epochs: dict[str, dict[int, dict[str, float]]] = {}
    for key, epoch, name, value in metrics[["trial_key", "epoch", "name", "value"]].itertuples(index=False):
        epochs.setdefault(key, {}).setdefault(epoch, {})[name] = value
    lines = (
        [trial.cell, str(trial.seed), trial.trial_key, str(epoch), *(number_text(row.get(name, nan)) for name in names)]
        for trial in trials
        for epoch, row in epochs.get(trial.trial_key, {}).items()
    )
    return csv_text([*COLUMNS, *names], lines)


def histograms_parquet(trials: Sequence[SourceTrial], histograms: pd.DataFrame) -> bytes:
    """Return a Parquet file with a row per trial, epoch and score: the counts of its histogram between two edges.

    Args:
        trials: The trials of the table.
        histograms: Their histograms as ``Tracker.load_histories`` returns them.
    """
    named = pd.DataFrame([(trial.cell, trial.seed, trial.trial_key) for trial in trials], columns=list(COLUMNS[:3]))
    plain = histograms.astype({"trial_key": str, "name": str})
    buffer = BytesIO()
    named.merge(plain, on="trial_key")[[*COLUMNS, "name", "counts", "low", "high"]].to_parquet(buffer, index=False)
    return buffer.getvalue()
