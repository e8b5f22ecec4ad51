from pathlib import Path

import pyarrow.parquet as pq

from ftlab.tracking.score_history import write_score_history
from ftlab.tracking.tracker import EpochRecord


def test_a_row_per_epoch_and_name(tmp_path: Path) -> None:
    epochs = [
        EpochRecord(1, 0.0, {"pretrain/loss": 0.5}, {"scores/positive": [0, 2**40]}),
        EpochRecord(2, 0.0, {"pretrain/loss": 0.25}),
    ]
    write_score_history(epochs, tmp_path / "scores.parquet")
    assert pq.read_table(tmp_path / "scores.parquet").to_pylist() == [
        {"epoch": 1, "name": "pretrain/loss", "value": 0.5, "counts": None},
        {"epoch": 1, "name": "scores/positive", "value": None, "counts": [0, 2**40]},
        {"epoch": 2, "name": "pretrain/loss", "value": 0.25, "counts": None},
    ]


def test_no_epochs_give_an_empty_table(tmp_path: Path) -> None:
    write_score_history([], tmp_path / "scores.parquet")
    assert pq.read_table(tmp_path / "scores.parquet").num_rows == 0
