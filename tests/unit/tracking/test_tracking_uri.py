import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from ftlab.errors import TrackingError
from ftlab.tracking.tracking_uri import check_tracking_uri, default_tracking_uri, sqlite_path, uri_in_folder


def test_default_store_is_a_file_in_the_home_folder(tmp_path: Path) -> None:
    uri = default_tracking_uri(tmp_path / "new" / "home")
    check_tracking_uri(uri)
    assert sqlite_path(uri) == tmp_path / "new" / "home" / "mlflow.db"
    assert sqlite_path("http://127.0.0.1:5000") is None


@pytest.mark.parametrize("uri", ["./mlruns", "postgresql://host/db", "sqlite:///", "ftp://host"])
def test_an_unusable_address_is_refused(uri: str) -> None:
    with pytest.raises(TrackingError, match=r"must .*, but got"):
        check_tracking_uri(uri)


def test_a_file_that_is_no_database_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("not a database, and long enough to be looked at" * 10)
    started = time.monotonic()
    with pytest.raises(TrackingError, match="file is not a database"):
        check_tracking_uri(default_tracking_uri(tmp_path))
    assert time.monotonic() - started < 5.0


@pytest.mark.parametrize(
    "name", ["50%", "a%20b", "what?", "a?b=c&d", "#2", "with space", "ü", "a@b:c", "x;y", "%2F", "+"]
)
def test_a_home_of_any_name_has_its_own_store(name: str, tmp_path: Path) -> None:
    home = tmp_path / name
    uri = default_tracking_uri(home)
    check_tracking_uri(uri)
    assert sqlite_path(uri) == home / "mlflow.db"
    with create_engine(uri).connect() as connection:
        assert connection.exec_driver_sql("PRAGMA database_list").one()[2] == str(home / "mlflow.db")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert sqlite_path(uri_in_folder(uri)) == Path("mlflow.db").absolute()


@pytest.mark.parametrize("options", ["?timeout=60", "?timeout=60&cache=shared", "?"])
def test_options_of_an_address_are_no_part_of_the_files_name(options: str, tmp_path: Path) -> None:
    check_tracking_uri(f"sqlite:///{tmp_path}/m.db{options}")
    assert [path.name for path in tmp_path.iterdir()] == ["m.db"]


def test_a_store_in_memory_is_refused() -> None:
    with pytest.raises(TrackingError, match="must be a file"):
        check_tracking_uri("sqlite:///:memory:")
