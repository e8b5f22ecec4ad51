import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ftlab.doctor.finding import Level
from ftlab.doctor.machine import check_clock
from ftlab.doctor.store import check_store
from ftlab.doctor.surroundings import Surroundings


@pytest.fixture
def database(first_start: tuple[Path, str], home_folder: Path) -> Path:
    return Path(shutil.copy(first_start[0], home_folder))


def test_a_store_that_is_not_there_yet_is_not_created(surroundings: Surroundings) -> None:
    found = check_store(surroundings)
    assert (found.level, "will be created" in found.message) == (Level.OK, True)
    assert not surroundings.home.local.exists()


def test_a_store_of_this_version_is_good_and_not_touched(surroundings: Surroundings, database: Path) -> None:
    before = database.read_bytes()
    assert check_store(surroundings).level is Level.OK
    assert database.read_bytes() == before
    assert [path.name for path in database.parent.iterdir()] == ["mlflow.db"]


def test_old_tables_are_a_fault_with_the_upgrade(surroundings: Surroundings, database: Path) -> None:
    with closing(sqlite3.connect(database)) as store:
        store.execute("UPDATE alembic_version SET version_num = 'abc123'")
        store.commit()
    found = check_store(surroundings)
    assert found.level is Level.FAULT
    assert "tables of revision abc123" in found.message
    assert found.fix.startswith(f"cp {database} {database}.backup && mlflow db upgrade sqlite:///{database}")


def test_a_file_that_is_no_store_is_a_fault(surroundings: Surroundings, home_folder: Path) -> None:
    (home_folder / "mlflow.db").write_text("no database, and long enough to be looked at" * 10)
    found = check_store(surroundings)
    assert found.level is Level.FAULT
    assert "must be an MLflow store that can be read" in found.message


def test_an_address_that_is_none_is_a_fault_without_its_password(surroundings: Surroundings) -> None:
    found = check_store(replace(surroundings, tracking_uri="postgresql://ann:secret@host/db"))
    assert found.level is Level.FAULT
    assert "secret" not in found.message


def test_a_server_that_lets_us_in_is_good(with_server: Surroundings) -> None:
    found = check_store(with_server)
    assert (found.level, found.fix) == (Level.OK, "")
    assert "accepts our login, MLflow 3.17.2" in found.message


@pytest.mark.parametrize(
    ("login", "message", "fix"),
    [
        ((401, "You are not authenticated."), "refuses the login (401)", "MLFLOW_TRACKING_USERNAME"),
        ((403, "Permission denied"), "may not read experiments (403)", "administrator for permission"),
        ((403, "Invalid Host header - possible DNS rebinding attack detected"), "host name (403", "--allowed-hosts"),
        ((500, "oops"), "answers with status 500", "the server's log"),
    ],
)
def test_refusals_of_a_server_are_told_apart(
    with_server: Surroundings, server: Any, login: tuple[int, str], message: str, fix: str
) -> None:
    server.login = login
    found = check_store(with_server)
    assert found.level is Level.FAULT
    assert message in found.message
    assert fix in found.fix


def test_another_version_of_the_server_is_a_warning(with_server: Surroundings, server: Any) -> None:
    server.version = "2.9.0"
    found = check_store(with_server)
    assert (found.level, "runs MLflow 2.9.0, and this machine runs 3." in found.message) == (Level.WARNING, True)


def test_a_server_that_is_not_there_is_a_fault_without_its_password(surroundings: Surroundings) -> None:
    found = check_store(replace(surroundings, tracking_uri="http://ann:secret@127.0.0.1:9"))
    assert found.level is Level.FAULT
    assert "http://***@127.0.0.1:9 must answer, but does not" in found.message
    assert "secret" not in f"{found.message}{found.fix}"


def test_the_clock_is_compared_with_the_servers(with_server: Surroundings, server: Any) -> None:
    assert check_clock(with_server).level is Level.OK
    server.seconds_ahead = 300.0
    found = check_clock(with_server)
    assert found.level is Level.WARNING
    assert "s behind the tracking server's" in found.message
