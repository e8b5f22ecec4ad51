import sqlite3
import time
from pathlib import Path

import pytest

from explorer.record_store import RecordStore, Snapshot
from explorer.study_view import StudyViews
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.tracking_uri import store_state


def read(store: RecordStore) -> Snapshot:
    """Wait for a reading that begins now."""
    before = store.snapshot().read_at
    while store.snapshot().read_at == before:
        store._next_reading = 0.0
        time.sleep(0.01)
    return store.snapshot()


def test_a_store_is_read_only_when_it_has_changed(tracker: MemoryTracker, monkeypatch: pytest.MonkeyPatch) -> None:
    states, readings = [b"1"], []
    load = tracker.load_trials
    monkeypatch.setattr(tracker, "load_trials", lambda: (readings.append(1), load())[1])
    store = RecordStore(lambda: tracker, lambda: states[0])
    first, second = read(store), read(store)
    assert (first.version, second.version) == (1, 1)
    assert second.read_at > first.read_at
    before = len(readings)
    read(store)
    assert len(readings) == before
    states[0] = b"2"
    read(store)
    assert len(readings) > before


def test_the_state_of_a_store_changes_with_each_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert store_state(tmp_path) is None
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("CREATE TABLE runs (value REAL)")
        database.execute("INSERT INTO runs VALUES (1.0)")
    before = store_state(tmp_path)
    assert before == store_state(tmp_path) != b""
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("UPDATE runs SET value = 2.0")
    assert store_state(tmp_path) != before
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    assert store_state(tmp_path) is None


def test_what_several_callbacks_ask_for_is_made_once() -> None:
    views, made = StudyViews(), []
    snapshot = Snapshot(version=1)
    assert [views.kept(snapshot, "name", lambda: len(made.append(1) or made)) for _ in range(2)] == [1, 1]
    assert views.kept(Snapshot(version=2), "name", lambda: len(made.append(1) or made)) == 2
