"""A cache of the histories of runs that were shown last."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd
from pandas.api.types import union_categoricals

from explorer.record_store import REFRESH_SECONDS, RecordStore
from ftlab.errors import TrackingError
from ftlab.tracking.records import HistoryPart, TrialStatus
from ftlab.tracking.score_history import history_frame

MAX_KEPT = 1000
# What the figures of runs show: together these take little longer to read than one.
SHOWN = (HistoryPart.METRICS, HistoryPart.HISTOGRAMS, HistoryPart.GRADIENT_NORMS)


class _Reading(NamedTuple):
    """Histories that were read together: of how many trials, their rows, and when."""

    num_trials: int
    rows: pd.DataFrame
    read_at: float


class HistoryCache:
    """Keeps histories in memory: that of a run with a result for good, of another run for a few seconds.

    Args:
        store: The store that they are read from.
    """

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        # The reading that has the history of a trial, and the status that the trial had then.
        self._kept: OrderedDict[tuple[str, HistoryPart], tuple[str, _Reading]] = OrderedDict()
        # The last answer of each part: the figures of one click ask for the same runs.
        self._joined: dict[HistoryPart, tuple[dict[str, _Reading], pd.DataFrame]] = {}
        self._statuses: tuple[int, dict[str, str]] = (0, {})
        self._lock = threading.Lock()

    def load(self, trial_keys: Sequence[str], part: HistoryPart) -> pd.DataFrame:
        """Return a part of the histories of trials, without those that cannot be read, in any order."""
        snapshot = self._store.snapshot()
        with self._lock:
            if self._statuses[0] != snapshot.version:
                trials = snapshot.trials
                self._statuses = snapshot.version, dict(zip(trials["trial_key"], trials["status"], strict=True))
            statuses = self._statuses[1]
            asked = [key for key in trial_keys if key in statuses]
            for key in asked:
                if (key, part) in self._kept:
                    self._kept.move_to_end((key, part))
            self._read([key for key in asked if not self._is_fresh(key, part, statuses[key])], part, statuses)
            found = {key: self._kept[key, part][1] for key in asked if (key, part) in self._kept}
            before, joined = self._joined.get(part, ({}, history_frame({}, part)))
            if found.keys() != before.keys() or any(before[key] is not reading for key, reading in found.items()):
                joined = _join(found, part)
                self._joined[part] = found, joined
        return joined

    def _read(self, keys: Sequence[str], part: HistoryPart, statuses: Mapping[str, str]) -> None:
        if not keys:
            return
        try:
            # All at once: a store takes as long to find one as to find many.
            frames = self._store.tracker().load_histories(keys, SHOWN if part in SHOWN else (part,))
        except TrackingError:
            return
        for read, rows in frames.items():
            reading = _Reading(len(keys), rows, time.monotonic())
            for key in keys:
                self._kept[key, read] = (statuses[key], reading)
                self._kept.move_to_end((key, read))
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)

    def _is_fresh(self, key: str, part: HistoryPart, status: str) -> bool:
        if (key, part) not in self._kept:
            return False
        before, reading = self._kept[key, part]
        is_result = TrialStatus(status).is_result
        return before == status and (is_result or time.monotonic() - reading.read_at < REFRESH_SECONDS)


def _join(found: Mapping[str, _Reading], part: HistoryPart) -> pd.DataFrame:
    """Return the rows of each trial from its reading."""
    frames = []
    for reading in {id(reading): reading for reading in found.values()}.values():
        own = [key for key, each in found.items() if each is reading]
        rows = reading.rows
        frames.append(rows if len(own) == reading.num_trials else rows[rows["trial_key"].isin(own)])
    filled = [frame for frame in frames if not frame.empty]
    if len(filled) < 2:
        return filled[0] if filled else history_frame({}, part)
    # Frames of other categories would be joined as objects.
    encoded = {name: union_categoricals([frame[name] for frame in filled]) for name in ("trial_key", "name")}
    return pd.concat([frame.drop(columns=[*encoded]) for frame in filled], ignore_index=True).assign(**encoded)
