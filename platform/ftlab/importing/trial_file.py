"""Read a trial's file in another home's journal, within bounds and with a check of every line."""

import errno
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from ftlab.errors import TrackingError
from ftlab.importing.event import EpochsTrained, RecordError, TrialEnded, TrialOpened, read_event
from ftlab.importing.identity_check import check_identity
from ftlab.tracking.records import Outcome, TrialRecord

# A trial that is resumed writes all its epochs again in one line, which for a ResNet-50 may be thousands.
MAX_LINE_BYTES = 2**25
MAX_FILE_BYTES = 2**28
# The journal finds the end of a trial in the last bytes of its file.
MAX_OUTCOME_BYTES = 50_000

_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class TrialFile:
    """The content of a checked file.

    Attributes:
        path: The file.
        trial: The trial as it was announced last.
        outcome: Its outcome; None while it is open.
        metrics: Last value of each of its metrics.
        digest: SHA-256 of the file.
        num_unchecked: Lines without a checksum, written by an older ftlab.
    """

    path: Path
    trial: TrialRecord
    outcome: Outcome | None
    metrics: Mapping[str, float]
    digest: str
    num_unchecked: int

    @property
    def key(self) -> str:
        """Key of the trial."""
        return self.trial.trial_key

    @property
    def has_ended(self) -> bool:
        """Return whether the trial ended by itself, and was not interrupted."""
        return self.outcome is not None and self.outcome.status.is_final

    def read(self) -> bytes:
        """Return the content that was checked.

        Raises:
            RecordError: It has changed since.
            TrackingError: It cannot be read.
        """
        with _open_plain(self.path) as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if sha256(content).hexdigest() != self.digest:
            raise RecordError(f"{self.path} must stay as it is while it is brought in, but has changed.")
        return content


def read_trial_file(path: Path) -> TrialFile:
    """Read and check a file, with only one line in memory at a time.

    Raises:
        RecordError: It breaks a rule; the message names file and line.
        TrackingError: It cannot be read.
    """
    if not _KEY.fullmatch(path.stem):
        rule = "a file of a journal must be called <trial_key>.jsonl, of 32 hex digits"
        raise RecordError(f"{rule}, but got {path.name!r} in {path.parent}.")
    reading = _Reading(path)
    with _open_plain(path) as file:
        try:
            while line := file.readline(MAX_LINE_BYTES + 1):
                reading.take_in(line)
            return reading.end()
        except RecordError as error:
            raise RecordError(f"{path}:{max(reading.num_lines, 1)}: {error}") from error


def last_metrics(metrics: Mapping[int, Mapping[str, float]]) -> dict[str, float]:
    """Return the last value of each metric.

    Args:
        metrics: Metrics by the number of their epoch.
    """
    return {name: value for epoch in sorted(metrics) for name, value in metrics[epoch].items()}


@dataclass
class _Reading:
    """The content of a file that was read so far."""

    path: Path
    num_lines: int = 0
    num_bytes: int = 0
    num_unchecked: int = 0
    trial: TrialRecord | None = None
    length: int = 0
    metrics: dict[int, Mapping[str, float]] = field(default_factory=dict)
    outcome: Outcome | None = None

    def __post_init__(self) -> None:
        self._digest = sha256()

    def take_in(self, line: bytes) -> None:
        self.num_lines += 1
        self.num_bytes += len(line)
        _check_size(line, self.num_bytes)
        self._digest.update(line)
        event, has_checksum = read_event(line.removesuffix(b"\n"))
        self._count(has_checksum)
        if isinstance(event, TrialOpened):
            self.trial, self.outcome = event.record(), None
            self.length = check_identity(self.trial, self.path.stem).train.epochs
        elif self.trial is None:
            raise RecordError("the first line must say what was trained, but says something else.")
        elif isinstance(event, EpochsTrained):
            self._take_in_epochs(event)
        else:
            self._take_in_outcome(event, len(line))

    def end(self) -> TrialFile:
        if self.trial is None:
            raise RecordError("a file must say what was trained, but is empty.")
        missing = next((epoch for epoch in range(1, self.length + 1) if epoch not in self.metrics), None)
        if self.outcome is not None and self.outcome.status.is_result and missing is not None:
            raise RecordError(
                f"a trial that was trained to its end must have each of its {self.length} epochs, "
                f"but epoch {missing} is missing."
            )
        last, digest = last_metrics(self.metrics), self._digest.hexdigest()
        return TrialFile(self.path, self.trial, self.outcome, last, digest, self.num_unchecked)

    def _count(self, has_checksum: bool) -> None:
        if not has_checksum and self.num_lines > self.num_unchecked + 1:
            raise RecordError("every line after one with a checksum must have one, but this one has none.")
        self.num_unchecked += not has_checksum

    def _take_in_epochs(self, event: EpochsTrained) -> None:
        self.outcome = None
        for epoch in event.records():
            if epoch.epoch > self.length:
                raise RecordError(f"an epoch must be one of the trial's {self.length}, but got {epoch.epoch}.")
            self.metrics[epoch.epoch] = epoch.metrics

    def _take_in_outcome(self, event: TrialEnded, num_bytes: int) -> None:
        if num_bytes > MAX_OUTCOME_BYTES:
            raise RecordError(
                f"the end of a trial must take at most {MAX_OUTCOME_BYTES:,} bytes, but takes {num_bytes:,}."
            )
        self.outcome = event.record()


def _open_plain(path: Path) -> BinaryIO:
    """Open a plain file for reading; a link could lead anywhere, and a pipe would never end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        reason = "is a link" if error.errno == errno.ELOOP else f"is not: {error.strerror}"
        raise TrackingError(f"{path} must be a plain file that can be read, but {reason}.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise TrackingError(f"{path} must be a plain file, but is none.")
    return os.fdopen(descriptor, "rb")


def _check_size(line: bytes, num_bytes: int) -> None:
    if len(line) > MAX_LINE_BYTES:
        raise RecordError(f"a line must have at most {MAX_LINE_BYTES:,} bytes, but has more.")
    if num_bytes > MAX_FILE_BYTES:
        raise RecordError(f"a file must have at most {MAX_FILE_BYTES:,} bytes, but has more.")
    if not line.endswith(b"\n"):
        raise RecordError("the last line must have an end, but was cut off.")
