"""The writer of a study's records: to the journal at once, and to the tracker in batches from a thread."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from ftlab.errors import ArtifactError, TrackingError
from ftlab.tracking.journal import Journal, JournalEntry
from ftlab.tracking.records import Outcome, TrialRecord, TrialStatus
from ftlab.tracking.tracker import REFUSED_TAG, Tracker
from ftlab.training.epoch_result import EpochResult

if TYPE_CHECKING:
    import pandas as pd

_MAX_BACKOFF_SECONDS = 60.0
_RETRY_AT_CLOSE_SECONDS = 0.5

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Waiting:
    """The records of a trial that the tracker has not taken yet.

    Attributes:
        opened: The trial, if it is to be opened.
        start: Size of its journal before the first event with epochs that are to be logged.
        end: Size of its journal after the last such event.
        outcome: Outcome of the trial, if it is to be closed.
        num_records: Number of records among them; each epoch is one.
    """

    opened: TrialRecord | None
    start: int
    end: int
    outcome: Outcome | None
    num_records: int


class TrackingWriter:
    """Delivers records to a tracker without ever delaying or stopping the training.

    Each record is in the journal when its call returns. One background thread forwards records to the tracker, a trial
    at a time. While the tracker fails, the thread tries again, less and less often, and the epochs are only in the
    journal, not in memory. Records that are undelivered at the end stay there for `replay` by a later command.

    Files that the tracker refuses delay no record: they are tried again once, at the end, and then by `replay`.

    Args:
        tracker: The store; while the writer is open, nobody else writes to it.
        journal: The local record.
        flush_seconds: Pause between two deliveries.
    """

    def __init__(self, tracker: Tracker, journal: Journal, *, flush_seconds: float = 5.0) -> None:
        self._tracker = tracker
        self._journal = journal
        self._flush_seconds = flush_seconds
        self._waiting: dict[str, _Waiting] = {}
        self._waiting_lock = threading.Lock()
        self._num_taken: dict[str, int] = {}
        self._refused: dict[str, str] = {}
        self._tracker_lock = threading.Lock()
        self._closing = threading.Event()
        self._patience = 0.0
        self._last_progress = time.monotonic()
        self._has_warned = False
        # A daemon: a hanging store must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="ftlab-tracking-writer", daemon=True)
        self._thread.start()

    def open_trial(self, trial: TrialRecord) -> None:
        """Announce a trial whose study is open in the tracker.

        Epochs of an earlier attempt in the journal are delivered first, since the store may lack some.
        """
        self._journal.append_trial(trial)
        self._wait(trial.trial_key, _Waiting(trial, 0, self._journal.size(trial.trial_key), None, 1))

    def log_epochs(self, trial_key: str, epochs: Sequence[EpochResult]) -> None:
        """Record epochs of an open trial."""
        start = self._journal.size(trial_key)
        self._journal.append_epochs(trial_key, epochs)
        self._wait(trial_key, _Waiting(None, start, self._journal.size(trial_key), None, len(epochs)))

    def close_trial(self, trial_key: str, outcome: Outcome) -> None:
        """Record the outcome of an open trial."""
        end = self._journal.size(trial_key)
        self._journal.append_outcome(trial_key, outcome)
        self._wait(trial_key, _Waiting(None, end, end, outcome, 1))

    def close(self, timeout: float = 30.0) -> list[str]:
        """Deliver the remaining records and end the thread; may be repeated. Ctrl-C ends the waiting.

        Args:
            timeout: Seconds to wait for a store that takes nothing new; a slow store gets the time that it needs.

        Returns:
            Sorted keys of the trials with undelivered records, which are in the journal.
        """
        self._patience, self._last_progress = timeout, time.monotonic()
        self._closing.set()
        try:
            while self._thread.is_alive() and self._is_patient:
                self._thread.join(min(timeout, _RETRY_AT_CLOSE_SECONDS))
        except KeyboardInterrupt:
            self._patience = 0.0
        with self._waiting_lock:
            return sorted(self._waiting)

    def replay(self, trial_keys: Iterable[str], study: str | None = None) -> list[str]:
        """Deliver, before this call returns, the trials that ended by the journal but not by the tracker.

        A failing store ends the replay with a warning; the next replay delivers the rest.

        Args:
            trial_keys: Keys of the trials; those without a final outcome in the journal are left alone.
            study: An open study for the trials that have no run yet, in case the store was down and does not know their
                own study; None leaves them in their own study.

        Returns:
            Keys of the trials that were delivered.
        """
        unchecked: dict[str, int] = {}  # lines without a checksum of each trial that was delivered
        known: set[str] | None = None
        try:
            for key in trial_keys:
                # Read in full, because what a damaged file lost must be trained again.
                entry = self._journal.read(key)
                if entry is None or entry.outcome is None or not entry.outcome.status.is_final:
                    continue
                with self._tracker_lock:
                    known = _known_as_ended(self._tracker.load_trials()) if known is None else known
                    if key not in known:
                        self._call(key, partial(self._record_whole, entry, study))
                        unchecked[key] = entry.num_unchecked
        except TrackingError as error:
            self._warn(error)
        if any(unchecked.values()):
            lines = f"{sum(unchecked.values())} lines of {sum(map(bool, unchecked.values()))} trials"
            _logger.warning("%s in %s have no checksum and are unchecked", lines, self._journal.folder)
        return list(unchecked)

    @property
    def refused(self) -> dict[str, str]:
        """The reasons why files of trials were refused, by trial key; their records are taken."""
        return dict(self._refused)

    @property
    def num_pending(self) -> int:
        """Number of records that the tracker has not taken yet."""
        with self._waiting_lock:
            return sum(waiting.num_records for waiting in self._waiting.values())

    @property
    def _is_patient(self) -> bool:
        return time.monotonic() < self._last_progress + self._patience

    def _wait(self, trial_key: str, new: _Waiting) -> None:
        if new.num_records:
            with self._waiting_lock:
                known = self._waiting.get(trial_key)
                self._waiting[trial_key] = _joined(known, new) if known else new

    def _run(self) -> None:
        pause = self._flush_seconds
        while not self._closing.wait(pause):
            pause = self._flush_seconds if self._flush() else min(2 * pause, _MAX_BACKOFF_SECONDS)
        while not self._flush() and self._is_patient:
            time.sleep(min(_RETRY_AT_CLOSE_SECONDS, self._flush_seconds))
        self._retry_refused()

    def _flush(self) -> bool:
        """Deliver all waiting records; return whether the tracker took them."""
        with self._waiting_lock:
            keys = list(self._waiting)
        for key in keys:
            try:
                self._deliver(key)
            except TrackingError as error:
                self._postpone(key)
                self._warn(error)
                return False
        return True

    def _deliver(self, trial_key: str) -> None:
        with self._waiting_lock:
            taken = self._waiting[trial_key]
        for number, verb in enumerate(self._verbs(trial_key, taken), start=1):
            with self._tracker_lock:
                self._call(trial_key, verb)
            # A verb that succeeds in each attempt, before one that fails for good, is no progress.
            if number > self._num_taken.get(trial_key, 0):
                self._num_taken[trial_key] = number
                self._last_progress = time.monotonic()
        self._num_taken.pop(trial_key, None)
        with self._waiting_lock:
            left = _left(self._waiting.pop(trial_key), taken)
            if left.num_records:
                self._waiting[trial_key] = left

    def _call(self, trial_key: str, verb: Callable[[], None]) -> None:
        """Call a verb of the tracker; if all but the files is taken, remember them, for the store is not away."""
        try:
            verb()
        except ArtifactError as error:
            if not self._refused:
                _logger.warning("The tracking store takes records, but refuses files: %s", error)
            self._refused[trial_key] = str(error)
        else:
            self._refused.pop(trial_key, None)

    def _retry_refused(self) -> None:
        """Try again to store refused files, until one is refused again."""
        for key in list(self._refused):
            with self._tracker_lock, suppress(TrackingError):
                if entry := self._journal.read(key):
                    self._call(key, partial(self._record_whole, entry, None))
            if key in self._refused:
                return
            self._last_progress = time.monotonic()

    def _verbs(self, trial_key: str, waiting: _Waiting) -> Iterator[Callable[[], None]]:
        """Yield the calls of the tracker that deliver waiting records; all may be repeated."""
        epochs = self._journal.read_epochs(trial_key, waiting.start, waiting.end)
        if waiting.opened is not None and waiting.outcome is not None:
            yield partial(self._tracker.record_trial, waiting.opened, epochs, waiting.outcome)
            return
        if waiting.opened is not None:
            yield partial(self._tracker.open_trial, waiting.opened)
        if epochs:
            yield partial(self._tracker.log_epochs, trial_key, epochs)
        if waiting.outcome is not None:
            yield partial(self._tracker.close_trial, trial_key, waiting.outcome)

    def _postpone(self, trial_key: str) -> None:
        """Move a trial to the end, so that a trial that the store refuses does not delay the others."""
        with self._waiting_lock:
            self._waiting[trial_key] = self._waiting.pop(trial_key)

    def _record_whole(self, entry: JournalEntry, study: str | None) -> None:
        if entry.outcome is not None:
            trial = replace(entry.trial, study=study) if study else entry.trial
            self._tracker.record_trial(trial, entry.epochs, entry.outcome)

    def _warn(self, error: TrackingError) -> None:
        if not self._has_warned:
            self._has_warned = True
            _logger.warning(
                "Records are kept in %s until the tracking store takes them: %s", self._journal.folder, error
            )


def undelivered_keys(trial_keys: Iterable[str], recorded: "pd.DataFrame") -> list[str]:
    """Return the keys of the trials that have not ended by a store, or whose files it refused.

    Args:
        trial_keys: Keys of trials.
        recorded: The trials in the tracking store.
    """
    known = _known_as_ended(recorded)
    return [key for key in trial_keys if key not in known]


def _known_as_ended(recorded: "pd.DataFrame") -> set[str]:
    return {
        key
        for key, status, tags in zip(recorded["trial_key"], recorded["status"], recorded["tags"], strict=True)
        if TrialStatus(status).is_final and REFUSED_TAG not in tags
    }


def _joined(known: _Waiting, new: _Waiting) -> _Waiting:
    """Return the waiting records of a trial together with new ones; a trial that is opened again has no outcome yet."""
    return _Waiting(
        opened=new.opened or known.opened,
        start=min(known.start, new.start),
        end=new.end,
        outcome=new.outcome if new.opened else new.outcome or known.outcome,
        num_records=known.num_records + new.num_records,
    )


def _left(now: _Waiting, taken: _Waiting) -> _Waiting:
    """Return the waiting records of a trial without those that the tracker has taken."""
    return _Waiting(
        opened=now.opened if now.opened is not taken.opened else None,
        start=taken.end,
        end=now.end,
        outcome=now.outcome if now.outcome is not taken.outcome else None,
        num_records=now.num_records - taken.num_records,
    )
