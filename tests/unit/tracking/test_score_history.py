from collections.abc import Callable
from math import inf, isnan, nan
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ftlab.errors import TrackingError
from ftlab.tracking.records import HISTORY_COLUMNS, HistoryPart
from ftlab.tracking.score_history import history_frame, read_score_history, write_score_history
from ftlab.training.epoch_result import EpochResult

MakeEpoch = Callable[..., EpochResult]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scores.parquet"


def read(path: Path, part: HistoryPart) -> list[list[object]]:
    frame = history_frame({"a1": read_score_history(path, [part])[part]}, part)
    assert tuple(frame.columns) == HISTORY_COLUMNS[part]
    assert set(frame["trial_key"]) <= {"a1"}
    return frame.drop(columns="trial_key").values.tolist()


def histograms_in(path: Path) -> list[tuple[object, ...]]:
    rows = read(path, HistoryPart.HISTOGRAMS)
    return [(epoch, name, list(counts), low, high) for epoch, name, counts, low, high in rows]  # type: ignore[call-overload]


def test_a_row_per_epoch_part_and_name(path: Path, make_epoch: MakeEpoch) -> None:
    write_score_history([make_epoch(2)], path)
    rows = pq.read_table(path).select(["part", "name", "value", "counts", "series"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("metrics", "pretrain/loss", 0.5, None, None),
        ("metrics", "probe/top1", 20.0, None, None),
        ("histograms", "scores/positive", None, [2, 2, 3], None),
        ("steps", "step", None, None, [3.0, 4.0]),
        ("steps", "scores/positive_mean", None, None, [0.5, 0.2]),
        ("gradient_norms", "head", 0.25, None, None),
        ("gradient_norms", "backbone", 2.0, None, None),
    ]


def test_each_part_is_read_back(path: Path, make_epoch: MakeEpoch) -> None:
    write_score_history([make_epoch(1), EpochResult(2, 0.0, {"pretrain/loss": nan}), make_epoch(3)], path)
    losses = [row for row in read(path, HistoryPart.METRICS) if row[1] == "pretrain/loss"]
    assert [row[0] for row in losses] == [1, 2, 3]
    assert isnan(losses[1][2])  # type: ignore[arg-type]
    assert histograms_in(path) == [
        (1, "scores/positive", [1, 2, 3], -1.0, 1.0),
        (3, "scores/positive", [3, 2, 3], -1.0, 1.0),
    ]
    assert read(path, HistoryPart.STEPS) == [
        [1, 1, "scores/positive_mean", 0.5],
        [1, 2, "scores/positive_mean", 0.1],
        [3, 5, "scores/positive_mean", 0.5],
        [3, 6, "scores/positive_mean", pytest.approx(0.3)],
    ]
    assert read(path, HistoryPart.GRADIENT_NORMS) == [
        [1, "head", 0.25],
        [1, "backbone", 1.0],
        [3, "head", 0.25],
        [3, "backbone", 3.0],
    ]


def test_files_of_two_parts_alone_are_read(path: Path) -> None:
    rows = [
        {"epoch": 1, "name": "pretrain/loss", "value": nan},
        {"epoch": 1, "name": "scores/positive", "counts": [0, 2**40]},
    ]
    columns = [("epoch", pa.int32()), ("name", pa.string()), ("value", pa.float64()), ("counts", pa.list_(pa.int64()))]
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(columns)), path)
    ((epoch, name, value),) = read(path, HistoryPart.METRICS)
    assert (epoch, name, isnan(value)) == (1, "pretrain/loss", True)  # type: ignore[arg-type]
    assert histograms_in(path) == [(1, "scores/positive", [0, 2**40], -1.0, 1.0)]
    assert read(path, HistoryPart.STEPS) == read(path, HistoryPart.GRADIENT_NORMS) == []


@pytest.mark.parametrize("part", HistoryPart)
def test_no_epochs_give_no_rows(path: Path, part: HistoryPart) -> None:
    write_score_history([], path)
    assert read(path, part) == []


def test_trials_stand_in_the_order_given(path: Path, make_epoch: MakeEpoch) -> None:
    write_score_history([make_epoch(1)], path)
    table = read_score_history(path, [HistoryPart.GRADIENT_NORMS])[HistoryPart.GRADIENT_NORMS]
    frame = history_frame({"b2": table, "a1": table}, HistoryPart.GRADIENT_NORMS)
    assert frame["trial_key"].to_list() == ["b2", "b2", "a1", "a1"]
    assert [str(frame[column].dtype) for column in frame] == ["category", "int32", "category", "float64"]


def with_edges(*edges: float) -> EpochResult:
    return EpochResult(
        1, 0.0, {}, {"scores/positive": [1, 2], "scores/negative": [3]}, edges={"scores/positive": edges}
    )


def test_a_histogram_has_the_edges_that_it_was_taken_with(path: Path) -> None:
    write_score_history([with_edges(-9.0, 1.0)], path)
    assert histograms_in(path) == [
        (1, "scores/positive", [1, 2], -9.0, 1.0),
        (1, "scores/negative", [3], -1.0, 1.0),
    ]


@pytest.mark.parametrize(
    "edges", [(1.0,), (-1.0, 0.0, 1.0), (1.0, -1.0), (0.5, 0.5), (nan, 1.0), (-1.0, nan), (-inf, 1.0)]
)
def test_edges_that_are_none_are_refused(path: Path, edges: tuple[float, ...]) -> None:
    write_score_history([with_edges(*edges)], path)
    with pytest.raises(TrackingError, match="edges"):
        read_score_history(path, [HistoryPart.HISTOGRAMS])
