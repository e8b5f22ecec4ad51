"""The dense record of a trial: all measurements of its epochs in one Parquet file."""

from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ftlab.contrast.score_statistics import COSINE_RANGE
from ftlab.errors import TrackingError
from ftlab.storage.plain_file import open_plain
from ftlab.tracking.records import HISTORY_COLUMNS, HistoryPart
from ftlab.training.epoch_result import EpochResult

if TYPE_CHECKING:
    import pandas as pd

SCORE_HISTORY_FILE = "scores.parquet"

# Eight series over four million steps are half of it. There must be a bound: a file of a kilobyte can claim any size.
MAX_VALUES = 10**8
MAX_BYTES = 2**31

_SCHEMA = pa.schema(
    [
        ("epoch", pa.int32()),
        ("name", pa.string()),
        ("value", pa.float64()),
        ("counts", pa.list_(pa.int64())),
        ("part", pa.string()),
        ("series", pa.list_(pa.float64())),
    ]
)
_CONTENT = {
    HistoryPart.METRICS: "value",
    HistoryPart.HISTOGRAMS: "counts",
    HistoryPart.STEPS: "series",
    HistoryPart.GRADIENT_NORMS: "value",
    HistoryPart.RIGHT: "counts",
}
_COLUMNS = {part: [column] for part, column in _CONTENT.items()} | {HistoryPart.HISTOGRAMS: ["counts", "series"]}
_OLD_PARTS = (HistoryPart.METRICS, HistoryPart.HISTOGRAMS)
_TYPES = {
    "trial_key": pa.dictionary(pa.int32(), pa.string()),
    "epoch": pa.int32(),
    "step": pa.int64(),
    "name": pa.dictionary(pa.int32(), pa.string()),
    "value": pa.float64(),
    "counts": pa.list_(pa.int64()),
    "low": pa.float64(),
    "high": pa.float64(),
}


def history_table(epochs: Iterable[EpochResult]) -> pa.Table:
    """Return epochs in long form: a row per epoch, part and name.

    Columns are ``epoch``, ``name``, ``value`` (of a scalar), ``counts`` (of a histogram, per score bin, or words of
    bits), ``part``, see `HistoryPart`, and ``series`` (over the epoch's steps; of a histogram, its lowest and highest
    edge); what a row does not have is null. A scalar that is NaN stays NaN.

    Args:
        epochs: Epochs in the order of the rows.
    """
    return pa.Table.from_pylist(list(chain.from_iterable(map(_rows, epochs))), schema=_SCHEMA)


def write_score_history(epochs: Iterable[EpochResult], path: Path) -> None:
    """Write `history_table` of epochs.

    Args:
        epochs: Epochs in the order in which they are written.
        path: File to write.
    """
    pq.write_table(history_table(epochs), path)


def read_score_history(path: Path, parts: Collection[HistoryPart]) -> dict[HistoryPart, pa.Table]:
    """Read parts of a file, and only the columns that hold them.

    Args:
        path: File that `write_score_history` wrote, now or before there were more parts than metrics and histograms.
        parts: The parts to read.

    Returns:
        The columns of `HISTORY_COLUMNS` but the trial's key, by the part.

    Raises:
        OSError: There is no such file.
        pyarrow.ArrowException: The file is damaged.
        TrackingError: It would unpack to more than `MAX_VALUES`.
    """
    with open_plain(path) as content:
        metadata = pq.read_metadata(content)
        _check_size(path, metadata)
        known = set(metadata.schema.to_arrow_schema().names)
        # Names stay encoded: unpacked, a long name that a million rows share would fill the memory.
        encoded = sorted({"name", "part"} & known)
        # Read at once and in this thread: what is prepared for others takes longer than a file of 20 kB.
        file = pq.ParquetFile(content, metadata=metadata, read_dictionary=encoded, pre_buffer=False)
        if "part" in known:
            columns = ["epoch", "name", "part", *(column for part in parts for column in _COLUMNS[part])]
            table = file.read(list(dict.fromkeys(columns)), use_threads=False)
            return {part: select_part(table, part) for part in parts}
        # Only of metrics the counts are null.
        columns = ["epoch", "name", "counts", *(["value"] if HistoryPart.METRICS in parts else [])]
        old = file.read(columns, use_threads=False) if set(parts) & set(_OLD_PARTS) else None
    return {
        part: no_history(part) if old is None or part not in _OLD_PARTS else _select_old_part(old, part)
        for part in parts
    }


def _check_size(path: Path, metadata: pq.FileMetaData) -> None:
    chunks = [
        metadata.row_group(group).column(column)
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    ]
    num_values = sum(chunk.num_values for chunk in chunks)
    num_bytes = sum(chunk.total_uncompressed_size for chunk in chunks)
    if num_values > MAX_VALUES or num_bytes > MAX_BYTES:
        raise TrackingError(
            f"a score history must hold at most {MAX_VALUES:,} values in {MAX_BYTES:,} bytes, but {path.name} holds "
            f"{num_values:,} in {num_bytes:,}."
        )


def select_part(table: pa.Table, part: HistoryPart) -> pa.Table:
    """Return one part of a `history_table`: the columns of `HISTORY_COLUMNS` but the trial's key."""
    chosen = table.select(["epoch", "name", *_COLUMNS[part]]).filter(pc.equal(table["part"], str(part)))
    unfold = {HistoryPart.STEPS: _unfold, HistoryPart.HISTOGRAMS: _with_edges}.get(part)
    return unfold(chosen) if unfold else chosen.select(HISTORY_COLUMNS[part][1:])


def no_history(part: HistoryPart) -> pa.Table:
    """Return one part of the history of a trial that has nothing of it, see `select_part`."""
    return select_part(history_table([]), part)


def history_frame(parts: Mapping[str, pa.Table], part: HistoryPart) -> "pd.DataFrame":
    """Return a frame of `Tracker.load_histories`.

    Args:
        parts: The part of each trial, see `select_part`, by trial key.
        part: The part.
    """
    columns = HISTORY_COLUMNS[part]
    schema = pa.schema([(column, _TYPES[column]) for column in columns if column != "trial_key"])
    # Casting takes a while even where there is nothing to cast.
    same = [table if table.schema.equals(schema) else table.cast(schema) for table in parts.values()]
    owners = pa.array(np.repeat(np.arange(len(same), dtype=np.int32), [len(table) for table in same]))
    keys = pa.DictionaryArray.from_arrays(owners, pa.array(parts, pa.string()))
    joined = pa.concat_tables([schema.empty_table(), *same]).unify_dictionaries().add_column(0, "trial_key", keys)
    frame: pd.DataFrame = joined.select(columns).to_pandas()
    return frame


def _rows(epoch: EpochResult) -> Iterable[dict[str, object]]:
    for part, column in _CONTENT.items():
        for name, content in getattr(epoch, part).items():
            filled = content if column == "value" else list(content)
            edges = epoch.edges.get(name) if part is HistoryPart.HISTOGRAMS else None
            bounds = {"series": list(edges)} if edges else {}
            yield {"epoch": epoch.epoch, "name": name, "part": str(part), column: filled, **bounds}


def _select_old_part(table: pa.Table, part: HistoryPart) -> pa.Table:
    is_histogram = pc.is_valid(table["counts"])
    if part is HistoryPart.METRICS:
        return table.filter(pc.invert(is_histogram)).select(HISTORY_COLUMNS[part][1:])
    chosen = table.filter(is_histogram)
    return _with_edges(chosen.append_column("series", pa.nulls(len(chosen), _SCHEMA.field("series").type)))


def _with_edges(histograms: pa.Table) -> pa.Table:
    """Return histograms with the lowest and the highest edge of each, for those of before the range of cosines."""
    edges = histograms["series"]
    if pc.any(pc.not_equal(pc.list_value_length(edges), 2)).as_py():
        raise TrackingError("a histogram of a score history must have two edges, but one has another number.")
    low, high = (pc.fill_null(pc.list_element(edges, place), edge) for place, edge in enumerate(COSINE_RANGE))
    width = pc.subtract(high, low)
    if pc.any(pc.invert(pc.and_(pc.is_finite(width), pc.greater(width, 0.0)))).as_py():
        raise TrackingError("the edges of a histogram must be numbers, the lowest first, but are not.")
    return histograms.select(["epoch", "name", "counts"]).append_column("low", low).append_column("high", high)


def _unfold(table: pa.Table) -> pa.Table:
    """Return a row per epoch, step and name, from a row per epoch and name with a list over the steps."""
    is_clock = pc.equal(table["name"], "step")
    clock, series = table.filter(is_clock), table.filter(pc.invert(is_clock))
    rows = pc.list_parent_indices(series["series"].combine_chunks())
    own = pc.index_in(series["epoch"], clock["epoch"].combine_chunks())
    lengths = pc.list_value_length(clock["series"]).take(own)
    if pc.any(pc.not_equal(lengths, pc.list_value_length(series["series"]))).as_py():
        raise TrackingError("each series of a score history must have a value a step, but one has another number.")
    own_clock = clock["series"].take(own)
    return pa.table(
        {
            "epoch": series["epoch"].take(rows),
            "step": pc.list_flatten(own_clock).cast(pa.int64()),
            "name": series["name"].take(rows),
            "value": pc.list_flatten(series["series"]),
        }
    )
