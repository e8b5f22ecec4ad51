"""The dense record of a trial: every scalar and score histogram of every epoch in one Parquet file."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ftlab.tracking.tracker import EpochRecord

SCORE_HISTORY_FILE = "scores.parquet"

_SCHEMA = pa.schema(
    [("epoch", pa.int32()), ("name", pa.string()), ("value", pa.float64()), ("counts", pa.list_(pa.int64()))]
)


def write_score_history(epochs: Iterable[EpochRecord], path: Path) -> None:
    """Write epochs in long form: a row per epoch and name.

    Columns are ``epoch``, ``name``, ``value`` (of a scalar; null in a histogram's row) and ``counts`` (of a histogram,
    per score bin; null in a scalar's row). A scalar that is NaN is written as NaN.

    Args:
        epochs: Epochs in the order in which they are written.
        path: File to write.
    """
    rows: list[dict[str, object]] = []
    for epoch in epochs:
        rows += [{"epoch": epoch.epoch, "name": name, "value": value} for name, value in epoch.metrics.items()]
        rows += [
            {"epoch": epoch.epoch, "name": name, "counts": list(counts)} for name, counts in epoch.histograms.items()
        ]
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), path)
