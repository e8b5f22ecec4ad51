"""The tracking store as the page sees it: a snapshot that is read anew in the background while the page is open."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pandas as pd

from ftlab.errors import FtlabError
from ftlab.tracking.records import trials_frame, without_evaluations
from ftlab.tracking.tracker import Tracker

REFRESH_SECONDS = 3.0
# A store that takes long to read is read less often, so that the page costs a running sweep a tenth of a core at most.
REST_PER_READING = 10.0
FIRST_ANSWER_SECONDS = 8.0


@dataclass(frozen=True)
class Snapshot:
    """A reading of the store.

    Attributes:
        trials: The frame of `Tracker.load_trials`; empty before the first reading.
        version: Grows whenever the trials differ from those of the reading before; 0 before the first reading.
        read_at: Unix time of the reading in seconds.
        problem: The reason why the last reading failed; empty if it did not.
    """

    trials: pd.DataFrame = field(default_factory=lambda: trials_frame([]))
    version: int = 0
    read_at: float = 0.0
    problem: str = ""


class RecordStore:
    """Keeps the trials in memory, and refreshes them in a background thread when they are requested and old.

    Args:
        open_tracker: Opens the store; called again after a failure.
        state: Returns at once what changes with the store, which is read only then; None where that is not known.
    """

    def __init__(self, open_tracker: Callable[[], Tracker], state: Callable[[], bytes | None] = lambda: None) -> None:
        self._open_tracker = open_tracker
        self._state = state
        self._last_state: bytes | None = None
        self._tracker: Tracker | None = None
        self._snapshot = Snapshot()
        self._answered = threading.Event()
        self._reading = threading.Lock()
        self._next_reading = 0.0

    def snapshot(self) -> Snapshot:
        """Return the last reading at once; only the first caller waits a little for the first reading."""
        self.refresh()
        self._answered.wait(FIRST_ANSWER_SECONDS)
        return self._snapshot

    def refresh(self) -> None:
        """Begin a reading unless one is under way or the last one is recent."""
        if time.monotonic() >= self._next_reading and self._reading.acquire(blocking=False):
            threading.Thread(target=self._read, daemon=True).start()

    def tracker(self) -> Tracker:
        """Return the open store.

        Raises:
            TrackingError: It cannot be reached.
        """
        if self._tracker is None:
            self._tracker = self._open_tracker()
        return self._tracker

    def _read(self) -> None:
        started = time.monotonic()
        try:
            self._snapshot = self._next_snapshot()
        finally:
            lasted = time.monotonic() - started
            self._next_reading = time.monotonic() + max(REFRESH_SECONDS, REST_PER_READING * lasted)
            self._answered.set()
            self._reading.release()

    def _next_snapshot(self) -> Snapshot:
        last, state = self._snapshot, self._state()
        if last.version and not last.problem and state is not None and state == self._last_state:
            return replace(last, read_at=time.time())
        # Taken before the reading, so that what is written meanwhile is read next time.
        self._last_state = state
        try:
            trials, problem = without_evaluations(self.tracker().load_trials()), ""
        except FtlabError as error:
            self._tracker = None
            trials, problem = last.trials, str(error)
        changed = last.version == 0 or problem != last.problem or not trials.equals(last.trials)
        return Snapshot(trials, last.version + changed, time.time(), problem)
