"""The database in which Optuna keeps searches: a SQLite file in FTLAB_HOME, or that of OPTUNA_STORAGE."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from ftlab.errors import TrackingError
from ftlab.tracking.tracking_uri import sqlite_path, sqlite_uri

# A page of the dashboard may hold SQLite's lock for a moment.
SQLITE_PATIENCE_SECONDS = 60


def storage_uri(home: Path) -> str:
    """Return the address of the database: ``OPTUNA_STORAGE``, else ``optuna.db`` below ``home``."""
    return os.environ.get("OPTUNA_STORAGE") or sqlite_uri(home / "optuna.db")


def open_storage(uri: str) -> RDBStorage:
    """Open the database of searches; a SQLite file is created when missing.

    Raises:
        TrackingError: The address is wrong, its driver is not installed, or the database does not answer.
    """
    path = sqlite_path(uri)
    options = {"connect_args": {"timeout": SQLITE_PATIENCE_SECONDS}} if path else {"pool_pre_ping": True}
    try:
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
        return RDBStorage(uri, engine_kwargs=options)
    except Exception as error:
        # SQLAlchemy, its drivers and Optuna raise errors of many kinds.
        raise TrackingError(_unreachable(uri, error)) from error


@contextmanager
def answering(storage: RDBStorage) -> Iterator[None]:
    """Turn a failure of the database into an error that names it.

    Raises:
        TrackingError: The database does not answer or refuses a record.
    """
    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        raise TrackingError(_unreachable(storage.url, error.__cause__ or error)) from error


def readable_uri(uri: str) -> str:
    """Return an address without its password."""
    try:
        return make_url(uri).render_as_string(hide_password=True)
    except ArgumentError:
        return uri.rpartition("@")[2]


def _unreachable(uri: str, error: BaseException) -> str:
    first_line = str(error).strip().partition("\n")[0]
    return (
        f"the database of searches must answer, but {readable_uri(uri)} did not. If it is a server, start it; else "
        f"correct OPTUNA_STORAGE, e.g. sqlite:////PATH/optuna.db. Cause: {first_line}"
    )
