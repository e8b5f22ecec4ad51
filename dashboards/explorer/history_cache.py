"""Epoch histories of the runs that somebody looked at last."""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence

import pandas as pd

from explorer.record_store import REFRESH_SECONDS, RecordStore
from ftlab.errors import TrackingError
from ftlab.tracking.tracker import TrialStatus, history_frame

MAX_RUNS = 400
MAX_SHOWN = 40


class HistoryCache:
    """Histories in memory: of a run with a result for good, of another until it has aged.

    Args:
        store: The store that they are read from.
    """

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        self._kept: OrderedDict[str, tuple[str, float, pd.DataFrame]] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, trial_keys: Sequence[str]) -> pd.DataFrame:
        """Return the histories of trials, at most of `MAX_SHOWN`; without those that cannot be read."""
        trials = self._store.snapshot().trials
        statuses = dict(zip(trials["trial_key"], trials["status"], strict=True))
        asked = [key for key in trial_keys if key in statuses][:MAX_SHOWN]
        with self._lock:
            frames = [self._load(key, statuses[key]) for key in asked]
        filled = [frame for frame in frames if not frame.empty]
        return pd.concat(filled, ignore_index=True) if filled else history_frame([])

    def _load(self, key: str, status: str) -> pd.DataFrame:
        kept = self._kept.get(key)
        if (
            kept
            and kept[0] == status
            and (TrialStatus(status).is_result or time.monotonic() - kept[1] < REFRESH_SECONDS)
        ):
            self._kept.move_to_end(key)
            return kept[2]
        try:
            history = self._store.tracker().load_history([key])
        except TrackingError:
            return history_frame([])
        self._kept[key] = (status, time.monotonic(), history)
        if len(self._kept) > MAX_RUNS:
            self._kept.popitem(last=False)
        return history
