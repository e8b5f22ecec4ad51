"""The lock that lets one sweep of a study run at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock

from ftlab.config.home import Home
from ftlab.errors import FtlabError
from ftlab.storage.plain_file import open_lock
from ftlab.study.spec import StudySpec


@contextmanager
def exclusive(home: Home, study: StudySpec) -> Iterator[None]:
    """Let one sweep of a study run at a time on this machine.

    Raises:
        FtlabError: Another process is running it.
    """
    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with open_lock(folder / f"{study.results_name.replace('/', '-')[:200]}.lock") as lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except OSError as error:
            raise FtlabError(
                f"a study must be run by one sweep at a time, but {study.results_name} is running already; "
                "wait for it, or stop it."
            ) from error
        yield
