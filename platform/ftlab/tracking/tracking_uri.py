"""Addresses of tracking stores, and checks of them before MLflow opens a store."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ftlab.errors import TrackingError

SQLITE = "sqlite:///"
_POSTGRESQL = ("postgresql://", "postgresql+psycopg2://")
SERVERS = ("http://", "https://")
_HEADER_BYTES = 100


def default_tracking_uri(home: Path) -> str:
    """Return the address of the SQLite store in ftlab's own folder.

    >>> default_tracking_uri(Path("/data/.ftlab"))
    'sqlite:////data/.ftlab/mlflow.db'
    """
    return sqlite_uri(default_store(home))


def default_store(home: Path) -> Path:
    """Return the SQLite store in ftlab's own folder."""
    return home / "mlflow.db"


def store_file(home: Path) -> Path | None:
    """Return the SQLite file of the store that ``MLFLOW_TRACKING_URI`` names, else `default_store`; None for a server.

    Args:
        home: ftlab's own folder.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    return sqlite_path(uri) if uri else default_store(home)


def store_state(home: Path) -> bytes | None:
    """Return bytes that are others after each transaction of the SQLite store; None for a server, or if there are none.

    Args:
        home: ftlab's own folder.
    """
    path = store_file(home)
    if path is None or path.with_name(f"{path.name}-wal").exists():
        return None
    try:
        with path.open("rb") as file:
            # SQLite counts transactions in the header of its file.
            return file.read(_HEADER_BYTES)
    except OSError:
        return None


def sqlite_uri(path: Path) -> str:
    """Return the address of a SQLite file.

    >>> sqlite_uri(Path("/data/50%/mlflow.db"))
    'sqlite:////data/50%25/mlflow.db'
    """
    # Workers import this module, and never need it.
    from sqlalchemy import URL

    return URL.create("sqlite", database=str(path.absolute())).render_as_string(hide_password=False)


def sqlite_path(uri: str) -> Path | None:
    """Return the file of a SQLite address, None for a server.

    >>> sqlite_path("sqlite:////data/.ftlab/mlflow.db?timeout=60")
    PosixPath('/data/.ftlab/mlflow.db')
    """
    if not uri.startswith(SQLITE):
        return None
    from sqlalchemy import make_url

    database = make_url(uri).database or ""
    # SQLite's own form of an address, which may hold options.
    return Path(url2pathname(urlsplit(database).path) if database.startswith("file:") else database).absolute()


def uri_in_folder(uri: str) -> str:
    """Return a SQLite address as it is for a process that works in the file's folder.

    A server of MLflow's makes the folder of an address without decoding it.

    >>> uri_in_folder("sqlite:////data/50%25/mlflow.db?timeout=60")
    'sqlite:///mlflow.db?timeout=60'
    """
    from sqlalchemy import make_url

    path = sqlite_path(uri)
    return make_url(uri).set(database=path.name).render_as_string(hide_password=False) if path else uri


def check_tracking_uri(uri: str) -> None:
    """Check an address without MLflow, which would try an unusable database for over a minute.

    Raises:
        TrackingError: The scheme is unknown, or the SQLite file cannot be written.
    """
    path = sqlite_path(uri)
    if path is not None:
        if path.name == ":memory:":
            raise TrackingError(f"a SQLite tracking store must be a file, but got {uri}; e.g. {SQLITE}/PATH/mlflow.db.")
        _check_database(uri, path)
    elif not uri.startswith(SERVERS):
        raise TrackingError(
            f"a tracking URI must start with {SQLITE}, {' or '.join(SERVERS)}, but got {uri!r}; "
            f"e.g. {SQLITE}/absolute/path/mlflow.db."
        )


def check_migration(source: str, target: str, artifact_root: str | None) -> None:
    """Check the addresses of a migration; nothing is created.

    Args:
        source: Store to read.
        target: Store to write.
        artifact_root: URI of the folder of the target's files; None if it is known.

    Raises:
        TrackingError: The source is not an existing SQLite file, the target is not a store or is the source itself, or
            the folder of files is missing or without effect.
    """
    path, target_path = sqlite_path(source), sqlite_path(target)
    if path is None or not path.is_file():
        raise TrackingError(
            f"the source of a migration must be a SQLite store that is there, but got {source}; "
            f"name it: --source {SQLITE}/absolute/path/mlflow.db, or set FTLAB_HOME."
        )
    if target_path is not None and target_path.resolve() == path.resolve():
        raise TrackingError(f"the target of a migration must be another store than its source, but got {target}.")
    if target_path is None and not target.startswith((*SERVERS, *_POSTGRESQL)):
        raise TrackingError(
            f"the target of a migration must start with {', '.join((*SERVERS, SQLITE))} or {_POSTGRESQL[0]}, "
            f"but got {target!r}; e.g. http://127.0.0.1:5000."
        )
    if target.startswith(SERVERS) and artifact_root:
        raise TrackingError(
            f"a server decides itself where files go, but got --artifacts {artifact_root}; leave it out."
        )
    if target.startswith(_POSTGRESQL) and not artifact_root:
        raise TrackingError(
            "a PostgreSQL store needs the folder of its files, but got none; e.g. --artifacts /data/artifacts, the one "
            "that its server is started with."
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
