import time

import pandas as pd

from explorer.record_store import REFRESH_SECONDS, RecordStore
from ftlab.errors import TrackingError
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.records import StudyRecord, TrialRecord


class CountingTracker(MemoryTracker):
    """Counts how often it is read, and fails while it is told to."""

    readings = 0
    is_down = False

    def load_trials(self) -> pd.DataFrame:
        self.readings += 1
        if self.is_down:
            raise TrackingError("the store is down.")
        return super().load_trials()


def age(store: RecordStore) -> None:
    """Let the last reading be old, and wait for the next one."""
    version, store._next_reading = store._snapshot.read_at, 0.0
    store.refresh()
    deadline = time.monotonic() + 5.0
    while store._snapshot.read_at == version and time.monotonic() < deadline:
        time.sleep(0.001)


def record(tracker: MemoryTracker, key: str) -> None:
    tracker.open_study(StudyRecord("e", "e/p"))
    tracker.open_trial(TrialRecord(key, "cell", 0, "e/p", "cell seed 0", {}))


def test_a_young_reading_is_not_repeated() -> None:
    tracker = CountingTracker()
    store = RecordStore(lambda: tracker)
    assert [store.snapshot().version for _ in range(20)] == [1] * 20
    assert tracker.readings == 1
    assert REFRESH_SECONDS >= 2.0


def test_nothing_is_read_until_somebody_asks() -> None:
    tracker = CountingTracker()
    RecordStore(lambda: tracker)
    assert tracker.readings == 0


def test_the_version_grows_only_when_trials_change() -> None:
    tracker = CountingTracker()
    store = RecordStore(lambda: tracker)
    assert store.snapshot().version == 1
    age(store)
    assert store.snapshot().version == 1
    record(tracker, "t1")
    age(store)
    assert (store.snapshot().version, len(store.snapshot().trials)) == (2, 1)


def test_a_store_that_goes_down_leaves_what_was_read() -> None:
    tracker = CountingTracker()
    record(tracker, "t1")
    store = RecordStore(lambda: tracker)
    assert len(store.snapshot().trials) == 1
    tracker.is_down = True
    age(store)
    assert (store.snapshot().problem, len(store.snapshot().trials)) == ("the store is down.", 1)
    tracker.is_down = False
    age(store)
    assert store.snapshot().problem == ""


def test_a_store_that_cannot_be_opened_is_a_problem_in_words() -> None:
    def fail() -> MemoryTracker:
        raise TrackingError("no such host.")

    assert RecordStore(fail).snapshot().problem == "no such host."


def test_evaluations_on_other_images_are_no_rows_of_it() -> None:
    tracker = MemoryTracker()
    record(tracker, "a")
    tracker.open_trial(TrialRecord("b", "cell", 0, "e/p", "cell on birds seed 0", {}, {"evaluation.task": "birds"}))
    assert RecordStore(lambda: tracker).snapshot().trials["trial_key"].to_list() == ["a"]
