"""Claims on trials, for sweeps that share trials and run at once."""

from collections.abc import Iterable
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, lockf
from pathlib import Path
from types import TracebackType

from ftlab.storage.plain_file import open_lock
from ftlab.study.plan import is_settled
from ftlab.tracking.journal import Journal

# Each trial has a byte of the lock file, at the first 60 bits of its key, which may lie beyond the file's end.
KEY_DIGITS = 15


class TrialClaims:
    """Claims of this process on trials; a trial has one claim at most. They end with the process, also if it is killed.

    Every driver of a home sees them, so the home must lie on a file system with POSIX locks, a local one or NFS.

    Args:
        folder: Folder of the lock file.
        journal: The journal, which knows the trials that have ended.
    """

    def __init__(self, folder: Path, journal: Journal) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._journal = journal
        # One descriptor for all: closing any descriptor of the file would end every claim of the process.
        self._file = open_lock(folder / "trials.lock")

    def __enter__(self) -> "TrialClaims":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def take(self, key: str) -> bool:
        """Claim a trial and return True, unless another process trains it or has trained it meanwhile."""
        if not self._lock(key):
            return False
        if self.is_settled(key):
            self.release(key)
            return False
        return True

    def release(self, key: str) -> None:
        """End a claim."""
        lockf(self._file, LOCK_UN, 1, _offset(key))

    def is_settled(self, key: str) -> bool:
        """Return whether the journal has a result of the trial, or a failure that would repeat itself."""
        outcome = self._journal.outcome(key)
        return outcome is not None and is_settled(outcome.status, outcome.reason)

    def any_free(self, keys: Iterable[str]) -> bool:
        """Return whether at least one of the trials is not claimed by another process."""
        for key in keys:
            if self._lock(key):
                self.release(key)
                return True
        return False

    def _lock(self, key: str) -> bool:
        try:
            lockf(self._file, LOCK_EX | LOCK_NB, 1, _offset(key))
        except OSError:
            return False
        return True


def _offset(key: str) -> int:
    return int(key[:KEY_DIGITS], 16)
