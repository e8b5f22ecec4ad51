"""What the driver of a study calls for each record: the journal at once, the tracker in batches from a thread."""

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from ftlab.errors import TrackingError
from ftlab.tracking.journal import Journal
from ftlab.tracking.tracker import EpochRecord, Outcome, Tracker, TrialRecord, TrialStatus

_MAX_BACKOFF_SECONDS = 60.0
_RETRY_AT_CLOSE_SECONDS = 0.5

_Record = TrialRecord | EpochRecord | Outcome

_logger = logging.getLogger(__name__)


class TrackingWriter:
    """Delivers records to a tracker without ever holding up or stopping the training.

    Each record is in the journal when its call returns. One background thread forwards records to the tracker, per
    trial in the order they came. While the tracker fails, records wait in memory and are tried again, less and less
    often; what is left at the end is in the journal, for `replay` by a later command.

    Args:
        tracker: The store; while the writer is open, nobody else writes to it.
        journal: The local record.
        flush_seconds: Pause between two deliveries.
    """

    def __init__(self, tracker: Tracker, journal: Journal, *, flush_seconds: float = 2.0) -> None:
        self._tracker = tracker
        self._journal = journal
        self._flush_seconds = flush_seconds
        self._pending: dict[str, list[_Record]] = {}
        self._pending_lock = threading.Lock()
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

        Epochs of an earlier attempt that the journal holds are handed on first, since the store may lack some.
        """
        earlier = self._journal.read(trial.trial_key)
        self._journal.append_trial(trial)
        self._enqueue(trial.trial_key, [trial, *(earlier.epochs if earlier else ())])

    def log_epochs(self, trial_key: str, epochs: Sequence[EpochRecord]) -> None:
        """Record epochs of an open trial."""
        self._journal.append_epochs(trial_key, epochs)
        self._enqueue(trial_key, epochs)

    def close_trial(self, trial_key: str, outcome: Outcome) -> None:
        """Record how an open trial ended."""
        self._journal.append_outcome(trial_key, outcome)
        self._enqueue(trial_key, [outcome])

    def close(self, timeout: float = 30.0) -> list[str]:
        """Deliver what is left and end the thread; may be repeated.

        Args:
            timeout: Seconds to wait for a store that takes nothing; one that is slow gets the time that it needs.

        Returns:
            Sorted keys of the trials that have undelivered records; these are in the journal.
        """
        self._patience, self._last_progress = timeout, time.monotonic()
        self._closing.set()
        while self._thread.is_alive() and self._is_patient:
            self._thread.join(min(timeout, _RETRY_AT_CLOSE_SECONDS))
        with self._pending_lock:
            return sorted(self._pending)

    def replay(self, trial_keys: Iterable[str], study: str | None = None) -> list[str]:
        """Deliver trials that the journal knows as ended and the tracker does not, before this call returns.

        A failing store ends the replay with a warning; the rest is delivered by the next one.

        Args:
            trial_keys: Trials to look at; those without a final outcome in the journal are left alone.
            study: An open study that takes in the trials that have no run yet, for when the store was down and never
                heard of their own; None leaves them to their own.

        Returns:
            Keys of the trials that were delivered.
        """
        delivered: list[str] = []
        ended = [key for key in trial_keys if _is_final(self._journal.outcome(key))]
        if not ended:
            return delivered
        try:
            with self._tracker_lock:
                known = self._known_as_ended()
                for key in ended:
                    if key not in known:
                        self._replay_trial(key, study)
                        delivered.append(key)
        except TrackingError as error:
            self._warn(error)
        return delivered

    @property
    def num_pending(self) -> int:
        """Number of records that the tracker has not taken yet."""
        with self._pending_lock:
            return sum(map(len, self._pending.values()))

    @property
    def _is_patient(self) -> bool:
        return time.monotonic() < self._last_progress + self._patience

    def _enqueue(self, trial_key: str, records: Sequence[_Record]) -> None:
        if records:
            with self._pending_lock:
                self._pending.setdefault(trial_key, []).extend(records)

    def _run(self) -> None:
        pause = self._flush_seconds
        while not self._closing.wait(pause):
            pause = self._flush_seconds if self._flush() else min(2 * pause, _MAX_BACKOFF_SECONDS)
        while not self._flush() and self._is_patient:
            time.sleep(min(_RETRY_AT_CLOSE_SECONDS, self._flush_seconds))

    def _flush(self) -> bool:
        """Deliver all pending records; return whether the tracker took them."""
        with self._pending_lock:
            keys = list(self._pending)
        for key in keys:
            try:
                self._deliver(key)
            except TrackingError as error:
                self._postpone(key)
                self._warn(error)
                return False
        return True

    def _deliver(self, trial_key: str) -> None:
        with self._pending_lock:
            records = list(self._pending[trial_key])
        for batch in [records] if _is_whole(records) else _batches(records):
            with self._tracker_lock:
                self._forward(trial_key, batch)
            self._last_progress = time.monotonic()
            with self._pending_lock:
                del self._pending[trial_key][: len(batch)]
        with self._pending_lock:
            if not self._pending[trial_key]:
                del self._pending[trial_key]

    def _forward(self, trial_key: str, batch: Sequence[_Record]) -> None:
        """Hand a whole trial, or records of one type, to the tracker."""
        epochs = [record for record in batch if isinstance(record, EpochRecord)]
        opened, closed = batch[0], batch[-1]
        if isinstance(opened, TrialRecord) and isinstance(closed, Outcome):
            self._tracker.record_trial(opened, epochs, closed)
            return
        if epochs:
            self._tracker.log_epochs(trial_key, epochs)
        for record in batch:
            if isinstance(record, TrialRecord):
                self._tracker.open_trial(record)
            elif isinstance(record, Outcome):
                self._tracker.close_trial(trial_key, record)

    def _postpone(self, trial_key: str) -> None:
        """Move a trial to the end, so that one the store refuses does not hold up the others."""
        with self._pending_lock:
            self._pending[trial_key] = self._pending.pop(trial_key)

    def _known_as_ended(self) -> set[str]:
        trials = self._tracker.load_trials()
        return {
            key
            for key, status in zip(trials["trial_key"], trials["status"], strict=True)
            if TrialStatus(status).is_final
        }

    def _replay_trial(self, trial_key: str, study: str | None) -> None:
        entry = self._journal.read(trial_key)
        if entry is None or entry.outcome is None:
            return
        trial = replace(entry.trial, study=study) if study else entry.trial
        self._tracker.record_trial(trial, entry.epochs, entry.outcome)

    def _warn(self, error: TrackingError) -> None:
        if not self._has_warned:
            self._has_warned = True
            _logger.warning(
                "Records are kept in %s until the tracking store takes them: %s", self._journal.folder, error
            )


def _is_whole(records: Sequence[_Record]) -> bool:
    """Return whether records are those of a trial from its announcement to its only end."""
    kinds = [type(record) for record in records]
    return len(kinds) > 1 and kinds[0] is TrialRecord and kinds[-1] is Outcome and {*kinds[1:-1]} <= {EpochRecord}


def _batches(records: Sequence[_Record]) -> Iterator[list[_Record]]:
    """Yield records of one type that follow each other."""
    for _, group in groupby(records, key=type):
        yield list(group)


def _is_final(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.status.is_final
