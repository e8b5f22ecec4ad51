"""A cache of the histories of runs that were shown last."""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

import pandas as pd

from explorer.record_store import REFRESH_SECONDS, RecordStore
from ftlab.errors import TrackingError
from ftlab.tracking.records import HistoryPart, TrialStatus
from ftlab.tracking.score_history import history_frame

MAX_KEPT = 1000


class HistoryCache:
    """Keeps histories in memory: that of a run with a result for good, of another run for a few seconds.

    Args:
        store: The store that they are read from.
    """

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[str, HistoryPart], tuple[str, float, pd.DataFrame]] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, trial_keys: Sequence[str], part: HistoryPart) -> pd.DataFrame:
        """Return a part of the histories of trials, without those that cannot be read."""
        trials = self._store.snapshot().trials
        statuses = dict(zip(trials["trial_key"], trials["status"], strict=True))
        asked = [key for key in trial_keys if key in statuses]
        with self._lock:
            frames = [self._load(key, part, statuses[key]) for key in asked]
        filled = [frame.astype({"trial_key": str, "name": str}) for frame in frames if not frame.empty]
        return pd.concat(filled, ignore_index=True) if filled else history_frame({}, part)

    def _load(self, key: str, part: HistoryPart, status: str) -> pd.DataFrame:
        kept = self._kept.get((key, part))
        if kept and kept[0] == status and self._is_fresh(status, kept[1]):
            self._kept.move_to_end((key, part))
            return kept[2]
        try:
            history = self._store.tracker().load_history([key], part)
        except TrackingError:
            return history_frame({}, part)
        self._kept[key, part] = (status, time.monotonic(), history)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return history

    @staticmethod
    def _is_fresh(status: str, read_at: float) -> bool:
        return TrialStatus(status).is_result or time.monotonic() - read_at < REFRESH_SECONDS
