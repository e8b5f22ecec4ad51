import time
from pathlib import Path

import pytest

from ftlab.errors import TrackingError
from ftlab.tracking.tracking_uri import check_tracking_uri, default_tracking_uri, sqlite_path


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
