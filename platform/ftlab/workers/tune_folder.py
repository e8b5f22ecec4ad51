"""The folder of Tune's own files during a study, and the removal of those that killed drivers left."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

# Between making a folder and locking it, its driver may be delayed.
_LOCKED_AFTER_SECONDS = 5.0


@contextmanager
def tune_folder(parent: Path) -> Iterator[Path]:
    """Make a folder, and hold a lock on it that ends with this process; remove it in the end.

    Args:
        parent: ``home/ray``.
    """
    folder = parent / f"study-{os.getpid()}-{time.time_ns()}"
    folder.mkdir(parents=True)
    with _opened(folder) as descriptor:
        with suppress(OSError):  # a file system without locks: nothing is removed there
            flock(descriptor, LOCK_EX | LOCK_NB)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_left_folders(parent: Path) -> None:
    """Remove the folders of drivers that were killed; those of living ones are locked."""
    for folder in parent.glob("study-*"):
        with suppress(OSError), _opened(folder) as descriptor:
            if time.time() - folder.stat().st_mtime > _LOCKED_AFTER_SECONDS:
                flock(descriptor, LOCK_EX | LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
