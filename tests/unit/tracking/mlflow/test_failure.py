import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ftlab.errors import TrackingError
from ftlab.tracking.mlflow.connection import connect
from ftlab.tracking.mlflow.failure import store_failure

RULE = "the tracking store must answer"


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"no database at all" * len(content),
        lambda content: content[:4096] + b"\x07" * (len(content) - 4096),
        lambda content: content[:100] + b"\xff" * 3000 + content[3100:],
        lambda content: content[:-5000],
    ],
)
def test_what_sqlite_says_of_a_damaged_file_has_a_cure_that_fits(
    damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE runs (name TEXT)")
        database.executemany("INSERT INTO runs VALUES (?)", [("x" * 500,)] * 50)
        database.commit()
    path.write_bytes(damage(path.read_bytes()))
    with closing(sqlite3.connect(path)) as database, pytest.raises(sqlite3.Error) as caught:
        database.execute("SELECT name FROM runs").fetchall()
    message = store_failure(RULE, f"sqlite:///{path}", caught.value, " Start the server.")
    assert f"The file is damaged: restore a backup, or move it away with mv {path} {path}.damaged" in message
    assert "Start the server" not in message


@pytest.mark.parametrize("uri", ["http://127.0.0.1:5000", "sqlite:////x/mlflow.db"])
def test_another_failure_keeps_its_cure(uri: str) -> None:
    message = store_failure(RULE, uri, OSError("refused"), " Start the server.")
    assert message == f"{RULE}, but {uri} did not. Start the server. Cause: refused"


@pytest.mark.slow
def test_a_file_that_is_no_database_is_not_taken_for_a_server(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(TrackingError, match=rf"The file is damaged: .* mv {path} {path}\.damaged") as caught:
        connect(f"sqlite:///{path}")
    assert "start it" not in str(caught.value)
