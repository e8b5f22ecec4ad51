"""Find and mend the addresses of files in a SQLite store whose home was moved, renamed or copied.

MLflow keeps absolute addresses. A home that lies elsewhere now would read and write in the old place, or in the home
that it is a copy of.
"""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ftlab.errors import TrackingError
from ftlab.tracking.mlflow.artifact_address import local_folder
from ftlab.tracking.mlflow.failure import store_failure
from ftlab.tracking.mlflow.run_layout import LAYOUT_TAG
from ftlab.tracking.tracking_uri import sqlite_uri

_EXPERIMENTS = """
    SELECT experiment_id, name, artifact_location FROM experiments
    WHERE experiment_id IN (SELECT experiment_id FROM experiment_tags WHERE key = ?)
"""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class MovedFiles:
    """The files of an experiment that lie elsewhere than the store says.

    Attributes:
        experiment_id: Identifier of the experiment.
        address: Address of its files in the store.
        old: Their folder by that address.
        new: Their folder below this home's.
    """

    experiment_id: int
    address: str
    old: Path
    new: Path


def find_moved(database: Path, artifact_root: Path) -> list[MovedFiles]:
    """Return the experiments whose files lie below a home's folder, while the store names that of another place.

    Args:
        database: File of the store, which is opened read-only.
        artifact_root: Folder of this home's files.

    Raises:
        TrackingError: The file is damaged.
    """
    with _opened(database, "ro") as store:
        found = store.execute(_EXPERIMENTS, [LAYOUT_TAG]).fetchall()
    moved = []
    for experiment_id, name, address in found:
        old, new = local_folder(address or ""), artifact_root / name
        if old is not None and _is_moved(old, new, is_own=database.parent == artifact_root.parent):
            moved.append(MovedFiles(experiment_id, address, old, new))
    return moved


def mend_addresses(database: Path, artifact_root: Path) -> None:
    """Let a store name the folders in which the files of a moved home lie, and say so.

    Args:
        database: File of the store.
        artifact_root: Folder of this home's files.

    Raises:
        TrackingError: The file is damaged, or cannot be written.
    """
    moved = find_moved(database, artifact_root)
    if not moved:
        return
    with _opened(database, "rw") as store:
        for files in moved:
            store.executemany("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", list(_mended_runs(store, files)))
            store.execute(
                "UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?",
                [files.new.as_uri(), files.experiment_id],
            )
    places = ", ".join(dict.fromkeys(str(files.old.parent) for files in moved))
    _logger.warning(
        "The files of %d experiments were recorded in %s and lie in %s now; their addresses in %s are mended.",
        len(moved),
        places,
        artifact_root,
        database,
    )


@contextmanager
def _opened(database: Path, mode: str) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode={mode}", uri=True, timeout=10.0)) as store, store:
            yield store
    except (sqlite3.Error, UnicodeDecodeError) as error:
        rule = "the tracking store must tell its experiments"
        raise TrackingError(store_failure(rule, sqlite_uri(database), error)) from error


def _is_moved(old: Path, new: Path, *, is_own: bool) -> bool:
    if (old.name, old.parent.name) != (new.name, new.parent.name) or os.path.realpath(old) == os.path.realpath(new):
        return False
    # Without a file in either place, an own store was moved if the home that it names is gone.
    return new.is_dir() or (is_own and not old.parent.parent.exists())


def _mended_runs(store: sqlite3.Connection, files: MovedFiles) -> Iterator[tuple[str, str]]:
    """Yield the new address and the identifier of each run, except of one whose files were left in the old place."""
    prefix = f"{files.address.rstrip('/')}/"
    rows = store.execute("SELECT run_uuid, artifact_uri FROM runs WHERE experiment_id = ?", [files.experiment_id])
    for run_id, address in rows.fetchall():
        rest = (address or "").removeprefix(prefix)
        was_left = (files.old / rest).exists() and not (files.new / rest).exists()
        if (address or "").startswith(prefix) and not was_left:
            yield f"{files.new.as_uri()}/{rest}", run_id
