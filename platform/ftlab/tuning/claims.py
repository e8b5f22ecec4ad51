"""Which trials this process may train, when sweeps that share trials run at once."""

from collections.abc import Iterable
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, lockf
from pathlib import Path
from types import TracebackType

from ftlab.tracking.journal import Journal
from ftlab.tuning.plan import is_settled

# A byte of the lock file for each trial; the first 60 bits of its key say which, and may lie beyond the file's end.
KEY_DIGITS = 15


class TrialClaims:
    """Claims on trials, one process each. They end with the process, also when it is killed.

    Every driver of a home sees them: it must lie on a file system with POSIX locks, a local one or NFS.

    Args:
        folder: Where the lock file is.
        journal: Says which trials have come to their end.
    """

    def __init__(self, folder: Path, journal: Journal) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._journal = journal
        # One descriptor for all: closing any descriptor of the file would end every claim of the process.
        self._file = (folder / "trials.lock").open("ab")

    def __enter__(self) -> "TrialClaims":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def take(self, key: str) -> bool:
        """Claim a trial unless another process trains it, or has trained it meanwhile."""
        if not self._lock(key):
            return False
        if self.is_settled(key):
            self.release(key)
            return False
        return True

    def release(self, key: str) -> None:
        """Give a claim up."""
        lockf(self._file, LOCK_UN, 1, _offset(key))

    def is_settled(self, key: str) -> bool:
        """Whether the trial has a result in the journal, or one that it would meet again."""
        outcome = self._journal.outcome(key)
        return outcome is not None and is_settled(outcome.status, outcome.reason)

    def any_free(self, keys: Iterable[str]) -> bool:
        """Whether one of the trials is settled, or trained by no other process any more."""
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
