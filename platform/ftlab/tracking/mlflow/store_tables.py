"""Give a SQLite store its tables in one step, so that no end of the process leaves some of them."""

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.store.db.base_sql_model import Base
from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine
from sqlalchemy import inspect, literal, select, table

from ftlab.storage.local import LocalFolder
from ftlab.storage.sealed_json import set_aside
from ftlab.tracking.tracking_uri import sqlite_uri

_FILLED_BY_MIGRATIONS = {"alembic_version", "workspaces"}


def complete_tables(path: Path) -> None:
    """Make or migrate the tables of a SQLite store, where MLflow would, in a copy that replaces it in one transaction.

    MLflow commits each statement by itself, and cannot open a store that holds some of its tables. One that an older
    ftlab left like that, without any content, is set aside; one with content that cannot be migrated stays as it is.

    Args:
        path: The file, which no other process opens meanwhile; it may be missing or empty.
    """
    tables, has_content = _look_into(path)
    if has_content and tables >= Base.metadata.tables.keys():
        return
    try:
        _migrate(path)
    except Exception:
        if has_content or not tables:
            raise
        cause = "MLflow was interrupted while it made its tables; nothing was recorded in them"
        set_aside(LocalFolder(path.resolve().parent), path.resolve().name, cause)
        _migrate(path)


def _look_into(path: Path) -> tuple[set[str], bool]:
    """Return the names of the tables, and whether any has rows that no migration writes."""
    engine = create_sqlalchemy_engine(sqlite_uri(path))
    try:
        with engine.connect() as store:
            tables = set(inspect(store).get_table_names())
            rows = (select(literal(1)).select_from(table(name)).limit(1) for name in tables - _FILLED_BY_MIGRATIONS)
            return tables, any(store.execute(row).first() for row in rows)
    finally:
        engine.dispose()


def _migrate(path: Path) -> None:
    with TemporaryDirectory(prefix="ftlab-") as folder:
        copy = Path(folder) / path.name
        _copy(path, copy)
        engine = create_sqlalchemy_engine(sqlite_uri(copy))
        try:
            _initialize_tables(engine)
        finally:
            engine.dispose()
        _copy(copy, path)


def _copy(source: Path, target: Path) -> None:
    """Replace the content of a database by that of another, in one transaction."""
    with closing(sqlite3.connect(source)) as original, closing(sqlite3.connect(target)) as copy:
        original.backup(copy)
