"""Addresses of tracking stores, checked before MLflow is asked to open them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from ftlab.errors import TrackingError

_SQLITE = "sqlite:///"
_SERVERS = ("http://", "https://")


def default_tracking_uri(home: Path) -> str:
    """Return the address of the SQLite store in ftlab's own folder.

    >>> default_tracking_uri(Path("/data/.ftlab"))
    'sqlite:////data/.ftlab/mlflow.db'
    """
    return f"{_SQLITE}{home.absolute() / 'mlflow.db'}"


def sqlite_path(uri: str) -> Path | None:
    """Return the file of a SQLite store, None for a server.

    >>> sqlite_path("sqlite:////data/.ftlab/mlflow.db")
    PosixPath('/data/.ftlab/mlflow.db')
    """
    return Path(uri.removeprefix(_SQLITE)).absolute() if uri.startswith(_SQLITE) else None


def check_tracking_uri(uri: str) -> None:
    """Check what can be checked without MLflow, which tries an unusable database for over a minute.

    Raises:
        TrackingError: The scheme is unknown, or the SQLite file cannot be written.
    """
    path = sqlite_path(uri)
    if path is not None:
        _check_database(uri, path)
    elif not uri.startswith(_SERVERS):
        raise TrackingError(
            f"a tracking URI must start with {_SQLITE}, {' or '.join(_SERVERS)}, but got {uri!r}; "
            f"e.g. {_SQLITE}/absolute/path/mlflow.db."
        )


def _check_database(uri: str, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=10.0)) as database:
            database.execute("BEGIN IMMEDIATE")
            database.rollback()
    except (OSError, sqlite3.Error) as error:
        raise TrackingError(
            f"a SQLite tracking store must be a file that can be written, but got {uri}: {error}. "
            "Choose a path on a local disk, or move the file away to start a new store."
        ) from error
