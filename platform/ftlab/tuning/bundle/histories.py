"""What every epoch of a table's trials measured, in one table each of numbers and of score histograms."""

from collections.abc import Iterable
from io import BytesIO

import pandas as pd

from ftlab.reporting.spreadsheet import csv_text, number_text
from ftlab.reporting.trace.provenance import SourceTrial

TRIAL_COLUMNS = ("cell", "seed", "trial_key")
HISTORY_COLUMNS = ("epoch", "name", "value", "counts")


def join_histories(histories: Iterable[tuple[SourceTrial, pd.DataFrame]]) -> pd.DataFrame:
    """Lay the histories of trials below each other.

    Args:
        histories: Trials with a row per epoch and name: ``epoch``, ``name``, ``value`` of a scalar and ``counts`` of a
            histogram, one of which is null.
    """
    frames = [
        history.assign(cell=trial.cell, seed=trial.seed, trial_key=trial.trial_key)
        for trial, history in histories
        if not history.empty
    ]
    columns = [*TRIAL_COLUMNS, *HISTORY_COLUMNS]
    return pd.concat(frames, ignore_index=True)[columns] if frames else pd.DataFrame(columns=columns)


def epochs_csv(joined: pd.DataFrame) -> str:
    """Return a row per trial and epoch with its scalars in full precision, in the order of the trials."""
    scalars = joined[joined["counts"].isna()]
    names = sorted(set(scalars["name"]))
    epochs: dict[tuple[object, ...], dict[str, float]] = {}
    for *key, name, value in scalars[[*TRIAL_COLUMNS, "epoch", "name", "value"]].itertuples(index=False):
        epochs.setdefault(tuple(key), {})[name] = value
    lines = (
        [*(str(part) for part in key), *(number_text(values.get(name, float("nan"))) for name in names)]
        for key, values in epochs.items()
    )
    return csv_text([*TRIAL_COLUMNS, "epoch", *names], lines)


def histograms_parquet(joined: pd.DataFrame) -> bytes:
    """Return a Parquet file with a row per trial, epoch and score: the counts of its histogram."""
    histograms = joined[joined["counts"].notna()].drop(columns="value")
    buffer = BytesIO()
    histograms.to_parquet(buffer, index=False)
    return buffer.getvalue()
