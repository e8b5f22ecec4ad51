"""A cache of the histories of runs that were shown last."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence

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
        known = trials[trials["trial_key"].isin(list(trial_keys))]
        statuses = dict(zip(known["trial_key"], known["status"], strict=True))
        asked = [key for key in trial_keys if key in statuses]
        with self._lock:
            self._read([key for key in asked if not self._is_fresh(key, part, statuses[key])], part, statuses)
            frames = [self._kept[key, part][2] for key in asked if (key, part) in self._kept]
        filled = [frame for frame in frames if not frame.empty]
        return pd.concat(filled, ignore_index=True) if filled else history_frame({}, part)

    def _read(self, keys: Sequence[str], part: HistoryPart, statuses: Mapping[str, str]) -> None:
        if not keys:
            return
        try:
            # All at once: a store takes as long to find one as to find many.
            found = self._store.tracker().load_history(keys, part).astype({"trial_key": str, "name": str})
        except TrackingError:
            return
        histories = dict(iter(found.groupby("trial_key")))
        for key in keys:
            self._kept[key, part] = (statuses[key], time.monotonic(), histories.get(key, found[:0]))
            self._kept.move_to_end((key, part))
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)

    def _is_fresh(self, key: str, part: HistoryPart, status: str) -> bool:
        if (key, part) not in self._kept:
            return False
        before, read_at, _ = self._kept[key, part]
        is_result = TrialStatus(status).is_result
        return before == status and (is_result or time.monotonic() - read_at < REFRESH_SECONDS)
