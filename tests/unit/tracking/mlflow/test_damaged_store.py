"""A damaged SQLite store is answered within seconds, with its file and a cure."""

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from ftlab.doctor.finding import Level
from ftlab.doctor.store import _check_file
from ftlab.errors import TrackingError
from ftlab.tracking.mlflow.connection import connect
from ftlab.tracking.mlflow.moved_files import find_moved, mend_addresses

PAGE = 4096
LOST = {
    "zero": bytes(PAGE),
    "ones": b"\xff" * PAGE,
    "text": b"text" * (PAGE // 4),
    "leaf": b"\x0d\x00\x00\xff\xff" + b"\x01" * (PAGE - 5),
    "branch": b"\x05\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01" + bytes(PAGE - 12),
}


@pytest.fixture(params=LOST)
def damaged(request: pytest.FixtureRequest, tmp_path: Path, first_start: tuple[Path, str]) -> Path:
    """A store whose later pages with the experiments are lost."""
    path = tmp_path / "mlflow.db"
    shutil.copy(first_start[0], path)
    with closing(sqlite3.connect(path)) as store:
        pages = store.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name LIKE 'experiment%'").fetchall()
    content = bytearray(path.read_bytes())
    for (page,) in pages:
        content[PAGE * (page - 1) : PAGE * page] = LOST[request.param]
    path.write_bytes(content)
    return path


def test_damage_behind_the_first_page_names_the_file_and_the_cure(damaged: Path) -> None:
    for verb in (find_moved, mend_addresses):
        with pytest.raises(TrackingError, match="The file is damaged: restore a backup, or move it away") as caught:
            verb(damaged, damaged.parent / "artifacts")
        assert f"mv {damaged} {damaged}.damaged" in str(caught.value)


def test_the_doctor_does_not_blame_the_packages_for_it(damaged: Path) -> None:
    finding = _check_file(damaged, damaged.parent / "artifacts")
    assert finding.level is Level.FAULT
    assert f"mv {damaged} {damaged}.damaged starts a new store" in finding.fix


def test_a_database_that_cannot_be_opened_is_not_tried_for_minutes(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    started = time.monotonic()
    with pytest.raises(TrackingError, match="unable to open database file"):
        connect(f"sqlite:///{tmp_path}/folder")
    assert time.monotonic() - started < 60.0


def test_the_doctor_does_not_wait_for_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    os.mkfifo(path)
    finding = _check_file(path, tmp_path / "artifacts")
    assert finding.level is Level.FAULT
    assert f"{path} must be an MLflow store that can be read, but is no plain file" in finding.message
