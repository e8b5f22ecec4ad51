from pathlib import Path

import pytest

from ftlab.errors import TrackingError
from ftlab.tracking.mlflow.connection import connect
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.tracking_uri import sqlite_path


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_answered_with_a_cure_that_fits(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(content)
    with pytest.raises(TrackingError, match=rf"The file is damaged: .* mv {path} {path}\.damaged") as caught:
        connect(f"sqlite:///{path}")
    assert "start it" not in str(caught.value)


def test_damage_behind_the_first_page_has_the_same_cure(store_uri: str) -> None:
    path = sqlite_path(store_uri)
    assert path is not None
    tracker = MlflowTracker(store_uri)
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\x07" * (len(content) - 4096))
    with pytest.raises(TrackingError, match="The file is damaged: restore a backup, or move it away"):
        tracker.load_trials()
