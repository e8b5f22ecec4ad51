"""A SQLite store gets its tables in one step, so that no end of a process leaves some of them."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic import command
from mlflow.store.db.utils import _get_alembic_config
from mlflow.store.tracking.dbmodels.initial_models import Base as InitialBase
from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine

from ftlab.doctor.finding import Level
from ftlab.doctor.store import _check_file
from ftlab.errors import TrackingError
from ftlab.tracking.mlflow.connection import connect, is_new
from ftlab.tracking.mlflow.store_health import expected_revision, stored_revision
from ftlab.tracking.tracking_uri import sqlite_uri

OLD_REVISION = "181f10493468"  # MLflow 1.3
# The first tables, the last ones of the first snapshot, between two migrations, and nearly at the end.
MOMENTS = (1, 7, 30, 150)

CHILD = """
import os, signal, sys
from sqlalchemy import event
from sqlalchemy.engine import Engine
from ftlab.tracking.mlflow.connection import connect

left = int(sys.argv[2])

@event.listens_for(Engine, "before_cursor_execute")
def kill(connection, cursor, statement, *rest):
    global left
    left -= statement.lstrip().startswith(("CREATE", "ALTER", "INSERT", "UPDATE"))
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

connect(sys.argv[1])
"""


@contextmanager
def interrupted_at(moment: int) -> Iterator[None]:
    """Raise what a Ctrl-C raises at a statement that changes the tables."""
    left = moment

    def interrupt(connection: object, cursor: object, statement: str, *_: object) -> None:
        nonlocal left
        left -= statement.lstrip().startswith(("CREATE", "ALTER", "INSERT", "UPDATE"))
        if left == 0:
            raise KeyboardInterrupt

    event.listen(Engine, "before_cursor_execute", interrupt)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", interrupt)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mlflow.db"


def make_early(path: Path) -> None:
    """Make the store of a creation that was interrupted before its first migration ended."""
    InitialBase.metadata.create_all(create_engine(sqlite_uri(path)))
    with closing(sqlite3.connect(path)) as store:
        store.execute("CREATE TABLE datasets (name TEXT)")


def make_late(path: Path) -> None:
    """Make the store of a creation that was interrupted in its last migrations."""
    connect(sqlite_uri(path))
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("DELETE FROM experiments")
        store.execute("UPDATE alembic_version SET version_num = ?", [OLD_REVISION])


def make_old(path: Path) -> None:
    """Make a store of an old MLflow, with a run."""
    uri = sqlite_uri(path)
    InitialBase.metadata.create_all(create_engine(uri))
    command.upgrade(_get_alembic_config(uri), OLD_REVISION)
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("INSERT INTO experiments VALUES (1, 'momentum', '/files', 'active')")
        run = "INSERT INTO runs (run_uuid, name, user_id, experiment_id, lifecycle_stage) VALUES (?, ?, ?, 1, 'active')"
        store.execute(run, ["a", "seed 0", "ada"])


@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interrupted_creation_leaves_no_tables(moment: int, path: Path) -> None:
    with interrupted_at(moment), pytest.raises(KeyboardInterrupt):
        connect(sqlite_uri(path))
    assert is_new(sqlite_uri(path))
    assert {found.name for found in path.parent.iterdir()} <= {"mlflow.db", "mlflow.db.lock"}


def test_the_doctor_takes_an_empty_file_for_a_store_that_is_not_there_yet(path: Path) -> None:
    path.touch()
    finding = _check_file(path, path.parent / "artifacts")
    assert (finding.level, finding.message) == (Level.OK, f"{path} will be created by the first command that records")


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_creation_leaves_a_store_that_opens(moment: int, path: Path) -> None:
    uri = sqlite_uri(path)
    child = subprocess.run([sys.executable, "-c", CHILD, uri, str(moment)], check=False, capture_output=True)
    assert child.returncode == -9, child.stderr
    connect(uri)
    assert stored_revision(path) == expected_revision()
    assert {found.name for found in path.parent.iterdir()} <= {"mlflow.db", "mlflow.db.lock"}


@pytest.mark.slow
@pytest.mark.parametrize("make", [make_early, make_late])
def test_a_half_made_store_is_set_aside(
    make: Callable[[Path], None], path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make(path)
    before = path.read_bytes()
    connect(sqlite_uri(path))
    assert stored_revision(path) == expected_revision()
    (kept,) = path.parent.glob("mlflow.db.damaged-*")
    assert kept.read_bytes() == before
    assert f"{path} is damaged (MLflow was interrupted while it made its tables; nothing was recorded" in caplog.text
    assert f"set aside as {kept.name}" in caplog.text


@pytest.mark.slow
def test_an_old_store_keeps_its_runs_when_it_is_migrated(path: Path) -> None:
    make_old(path)
    client = connect(sqlite_uri(path))
    assert client.get_experiment("1").name == "momentum"
    with closing(sqlite3.connect(path)) as store:
        assert store.execute("SELECT run_uuid, name, user_id FROM runs").fetchall() == [("a", "seed 0", "ada")]


@pytest.mark.parametrize("moment", [1, 20])
def test_an_interrupted_migration_changes_nothing(moment: int, path: Path) -> None:
    make_old(path)
    before = path.read_bytes()
    with interrupted_at(moment), pytest.raises(KeyboardInterrupt):
        connect(sqlite_uri(path))
    assert path.read_bytes() == before


def test_a_store_with_runs_that_cannot_be_migrated_stays_as_it_is(path: Path) -> None:
    make_old(path)
    with closing(sqlite3.connect(path)) as store:
        store.execute("CREATE TABLE registered_models (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(TrackingError, match=rf"The file is damaged: restore a backup, or move it away with mv {path}"):
        connect(sqlite_uri(path))
    assert path.read_bytes() == before
    assert {found.name for found in path.parent.iterdir()} == {"mlflow.db", "mlflow.db.lock"}


def test_a_database_of_another_program_is_not_set_aside(path: Path) -> None:
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("CREATE TABLE metrics (name TEXT)")
        store.execute("INSERT INTO metrics VALUES ('height')")
        store.execute("CREATE TABLE datasets (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(TrackingError, match="must answer"):
        connect(sqlite_uri(path))
    assert path.read_bytes() == before
