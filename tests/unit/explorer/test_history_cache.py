from collections.abc import Callable, Sequence

import pandas as pd
import pytest

from explorer import history_cache
from explorer.history_cache import SHOWN, HistoryCache
from explorer.record_store import RecordStore
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import HistoryPart
from ftlab.training.epoch_result import EpochResult

Record = Callable[..., None]
KEYS = [f"old/digits-m=0.9-{seed}" for seed in range(3)]


@pytest.fixture
def asked(tracker: MemoryTracker, record_trial: Record, monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """Three trials, the last of which is running; what is asked of the store is listed."""
    for seed, status in enumerate(("finished", "finished", "running")):
        record_trial("old/digits", "m=0.9", seed=seed, status=status, value=80.0 + seed)
    calls: list[Sequence[str]] = []
    load = tracker.load_histories
    monkeypatch.setattr(tracker, "load_histories", lambda keys, parts: (calls.append(list(keys)), load(keys, parts))[1])
    return calls


def rows(frame: pd.DataFrame) -> list[tuple[str, int]]:
    """Return the trials and epochs of a frame, in order."""
    return sorted(zip(frame["trial_key"], frame["epoch"], strict=True))


def test_a_run_is_read_once_however_it_is_chosen(tracker: MemoryTracker, asked: list[Sequence[str]]) -> None:
    histories = HistoryCache(RecordStore(lambda: tracker))
    first = histories.load(KEYS[:2], HistoryPart.METRICS)
    assert histories.load(KEYS[:2], HistoryPart.METRICS) is first
    assert rows(histories.load(KEYS[1:2], HistoryPart.METRICS)) == [(KEYS[1], 1)]
    assert rows(histories.load([KEYS[2], KEYS[0], "unknown"], HistoryPart.METRICS)) == [(KEYS[0], 1), (KEYS[2], 1)]
    assert asked == [KEYS[:2], KEYS[2:]]


def test_what_the_figures_show_is_read_at_once(tracker: MemoryTracker, asked: list[Sequence[str]]) -> None:
    histories = HistoryCache(RecordStore(lambda: tracker))
    for part in (HistoryPart.HISTOGRAMS, HistoryPart.METRICS, HistoryPart.GRADIENT_NORMS):
        histories.load(KEYS[:2], part)
    assert asked == [KEYS[:2]]
    histories.load(KEYS[:1], HistoryPart.STEPS)
    assert asked == [KEYS[:2], KEYS[:1]]


def test_what_is_shown_is_not_put_out_by_what_comes_with_it(
    tracker: MemoryTracker, asked: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_cache, "MAX_KEPT", 2 * len(SHOWN))
    histories = HistoryCache(RecordStore(lambda: tracker))
    histories.load(KEYS[:1], HistoryPart.METRICS)
    histories.load(KEYS[1:2], HistoryPart.METRICS)
    assert rows(histories.load(KEYS[::2], HistoryPart.METRICS)) == [(KEYS[0], 1), (KEYS[2], 1)]
    assert asked == [KEYS[:1], KEYS[1:2], KEYS[2:]]


def test_a_running_run_is_read_again_and_counts_once(
    tracker: MemoryTracker, asked: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_cache, "REFRESH_SECONDS", 0.0)
    histories = HistoryCache(RecordStore(lambda: tracker))
    histories.load(KEYS, HistoryPart.METRICS)
    tracker.log_epochs(KEYS[2], [EpochResult(2, 0.0, {"knn/top1": 1.0})])
    assert rows(histories.load(KEYS, HistoryPart.METRICS)) == [(KEYS[0], 1), (KEYS[1], 1), (KEYS[2], 1), (KEYS[2], 2)]
    assert asked == [KEYS, KEYS[2:]]
