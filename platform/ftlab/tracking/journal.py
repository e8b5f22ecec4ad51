"""The local record of every trial: JSON lines that outlive a crash, a power cut and an unreachable store."""

import logging
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

from ftlab.errors import FREE_SPACE, TrackingError, is_disk_full
from ftlab.storage.folder import WRITING_PREFIX
from ftlab.storage.local import LocalFolder
from ftlab.storage.plain_file import open_plain
from ftlab.storage.sealed_json import DamagedError, set_aside
from ftlab.tracking.journal_line import journal_line, read_line
from ftlab.tracking.records import Outcome, TrialRecord, TrialStatus
from ftlab.training.epoch_result import EpochResult

_TAIL_BYTES = 65536

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JournalEntry:
    """The journal's record of a trial.

    Attributes:
        trial: The trial as it was announced last.
        epochs: Its epochs in ascending order; if one was written twice, the later one.
        outcome: Outcome of the trial; None while it is open.
        num_unchecked: Lines without a checksum, written by an older ftlab.
    """

    trial: TrialRecord
    epochs: tuple[EpochResult, ...]
    outcome: Outcome | None
    num_unchecked: int = 0


class Journal:
    """Append-only files ``<trial_key>.jsonl``, an event a line: the trial, epochs, an outcome.

    The last event decides whether a trial is open. Each event holds the Unix time at which it was written. A line that
    a power cut left unfinished is skipped, and so is a damaged one. A trial that ended, but whose record lost something
    by it, is set aside to be trained again. `ftlab.tracking.journal_line` describes how a line is written and checked.

    Args:
        folder: Folder of the files; it is created with the first event.

    Raises:
        TrackingError: By every method, if the disk is full or the folder is locked.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._named = set[str]()

    def append_trial(self, trial: TrialRecord) -> None:
        """Write that a trial was opened; a trial that already has a result keeps it."""
        outcome = self.outcome(trial.trial_key)
        if outcome is None or not outcome.status.is_result:
            fields = {**vars(trial), "params": dict(trial.params), "tags": dict(trial.tags)}
            self._append(trial.trial_key, {"event": "trial", "trial": fields})

    def append_epochs(self, trial_key: str, epochs: Sequence[EpochResult]) -> None:
        """Write epochs of an open trial."""
        if epochs:
            self._append(trial_key, {"event": "epochs", "epochs": [_plain(epoch) for epoch in epochs]})

    def append_outcome(self, trial_key: str, outcome: Outcome) -> None:
        """Write the outcome of a trial, and wait until it is on the disk."""
        told = {"tags": dict(outcome.tags)} if outcome.tags else {}
        fields = {"status": outcome.status, "reason": outcome.reason, **told}
        self._append(trial_key, {"event": "outcome", "outcome": fields}, durable=True)

    def append_lines(self, trial_key: str, lines: bytes) -> None:
        """Append whole lines of another home's journal to a trial's file: all of them or none.

        Args:
            trial_key: The trial, which nobody trains meanwhile.
            lines: Lines with their ends, as the other journal holds them.
        """
        path, temporary = self._path(trial_key), self.folder / f"{WRITING_PREFIX}{token_hex(8)}"
        here = b"\n".join(self._lines(trial_key))
        between = b"\n" if here and not here.endswith(b"\n") else b""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                file.write(here + between + lines)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            raise _unusable(path, error) from error
        finally:
            with suppress(OSError):
                temporary.unlink()

    def read(self, trial_key: str) -> JournalEntry | None:
        """Return the record of a trial, None if it was never announced.

        A warning names each file with damaged lines, once. If the trial ended and its record lost something, its file
        is set aside, and the trial is unknown from then on.
        """
        reading = _Reading(trial_key)
        reading.take_in(self._lines(trial_key))
        name = f"{trial_key}.jsonl"
        if reading.loss:
            set_aside(LocalFolder(self.folder), name, f"{reading.loss}; the trial is trained again")
            return None
        if reading.damage and name not in self._named:
            self._named.add(name)
            _logger.warning("%s is damaged (%s); what it lost is trained again", self._path(trial_key), reading.damage)
        return reading.entry()

    def read_epochs(self, trial_key: str, start: int, end: int) -> tuple[EpochResult, ...]:
        """Return the epochs in a trial's file between two of its sizes, in ascending order.

        Args:
            trial_key: The trial.
            start: `size` before the first of them was written, or 0.
            end: `size` after the last of them was written.

        Raises:
            TrackingError: The file is shorter than it was.
        """
        if self.size(trial_key) < end:
            raise TrackingError(
                f"the journal must keep what was written, but {self._path(trial_key)} is shorter than its {end} bytes."
            )
        epochs: dict[int, EpochResult] = {}
        for event in _events(self._lines(trial_key, start, end)):
            epochs.update(_epochs(event))
        return _ordered(epochs)

    def size(self, trial_key: str) -> int:
        """Return the bytes that are written of a trial; 0 if it was never announced."""
        path = self._path(trial_key)
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise _unusable(path, error) from error

    def outcome(self, trial_key: str) -> Outcome | None:
        """Return the outcome of a trial, None if it is open or unknown; reads only the end of its file."""
        *_, last, unfinished = b"", b"", *self._lines(trial_key, max(0, self.size(trial_key) - _TAIL_BYTES))
        return next((_outcome(event) for event in _events((unfinished, last))), None)

    def finished_keys(self) -> set[str]:
        """Return the keys of the trials with a final outcome, including the failed ones."""
        outcomes = {path.stem: self.outcome(path.stem) for path in self.folder.glob("*.jsonl")}
        return {key for key, outcome in outcomes.items() if outcome is not None and outcome.status.is_final}

    def _append(self, trial_key: str, event: Mapping[str, Any], *, durable: bool = False) -> None:
        path = self._path(trial_key)
        line = journal_line({**event, "time": time.time()})
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with path.open("ab+") as file:
                file.write(_line_break(file) + line + b"\n")
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as error:
            raise _unusable(path, error) from error

    def _lines(self, trial_key: str, start: int = 0, end: int | None = None) -> list[bytes]:
        path = self._path(trial_key)
        try:
            with open_plain(path) as file:
                file.seek(start)
                return file.read(-1 if end is None else end - start).split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unusable(path, error) from error

    def _path(self, trial_key: str) -> Path:
        return self.folder / f"{trial_key}.jsonl"


def _unusable(path: Path, error: OSError) -> TrackingError:
    advice = f" {FREE_SPACE}" if is_disk_full(error) else ""
    return TrackingError(f"the journal must be a file that can be read and written, but got {path}: {error}.{advice}")


def _line_break(file: BinaryIO) -> bytes:
    """Return the line break to write before the next event, so that a line that was cut off does not swallow it."""
    if file.seek(0, os.SEEK_END) == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


@dataclass
class _Reading:
    """The content of a trial's file that was read so far.

    Attributes:
        trial_key: The trial.
        damage: The first damaged line since the trial was announced last, in words; empty if there is none.
    """

    trial_key: str
    damage: str = ""
    _trial: TrialRecord | None = None
    _epochs: dict[int, EpochResult] = field(default_factory=dict)
    _outcome: Outcome | None = None
    _num_unchecked: int = 0

    def take_in(self, lines: Sequence[bytes]) -> None:
        """Take in the lines of the file; the last one, which has no end, may be cut off."""
        for number, line in enumerate(lines, 1):
            try:
                self._take_in(*read_line(line))
            except DamagedError as error:
                if line and number < len(lines):
                    self.damage = self.damage or f"line {number}: {error}"

    @property
    def loss(self) -> str:
        """The reason why a trial that ended must be trained again, in words; empty if it need not."""
        if self._outcome is None or not self._outcome.status.is_final:
            return ""
        if self.damage or self._trial is None:
            return self.damage or "the line that says what was trained is missing"
        missing = next((n for n in range(1, _length(self._trial, self._epochs) + 1) if n not in self._epochs), None)
        return f"epoch {missing} is missing" if missing and self._outcome.status.is_result else ""

    def entry(self) -> JournalEntry | None:
        """Return the record; None if the trial was never announced."""
        if self._trial is None:
            return None
        return JournalEntry(self._trial, _ordered(self._epochs), self._outcome, self._num_unchecked)

    def _take_in(self, event: Mapping[str, Any], is_checked: bool) -> None:
        if event["event"] == "trial":
            if event["trial"]["trial_key"] != self.trial_key:
                raise DamagedError("it is about another trial")
            self._trial, self.damage = TrialRecord(**event["trial"]), ""
        self._outcome = _outcome(event)
        self._epochs.update(_epochs(event))
        self._num_unchecked += not is_checked


def _length(trial: TrialRecord, epochs: Mapping[int, EpochResult]) -> int:
    """Return the number of epochs that a finished trial must have."""
    told = trial.params.get("train.epochs", "")
    return int(told) if told.isdecimal() and len(told) < 10 else max(epochs, default=0)


def _events(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            yield read_line(line)[0]
        except DamagedError:
            # Empty, cut off by a power cut, or damaged.
            continue


def _epochs(event: Mapping[str, Any]) -> dict[int, EpochResult]:
    if event["event"] != "epochs":
        return {}
    return {fields["epoch"]: EpochResult(**fields) for fields in event["epochs"]}


def _ordered(epochs: Mapping[int, EpochResult]) -> tuple[EpochResult, ...]:
    return tuple(epochs[number] for number in sorted(epochs))


def _plain(epoch: EpochResult) -> dict[str, Any]:
    return {
        "epoch": int(epoch.epoch),
        "timestamp": float(epoch.timestamp),
        "metrics": {name: float(value) for name, value in epoch.metrics.items()},
        "histograms": {name: [int(count) for count in counts] for name, counts in epoch.histograms.items()},
        "steps": {name: [float(value) for value in series] for name, series in epoch.steps.items()},
        "gradient_norms": {name: float(norm) for name, norm in epoch.gradient_norms.items()},
        "right": {name: [int(word) for word in words] for name, words in epoch.right.items()},
        "edges": {name: [float(edge) for edge in edges] for name, edges in epoch.edges.items()},
    }


def _outcome(event: Mapping[str, Any]) -> Outcome | None:
    if event["event"] != "outcome":
        return None
    fields = event["outcome"]
    return Outcome(TrialStatus(fields["status"]), fields["reason"], fields.get("tags", {}))
