"""Everything in a store is only data: a hostile store can lie about numbers, and do no more."""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ftlab.config.experiment import ProfileConfig
from ftlab.errors import ConfigError, TrackingError
from ftlab.study.retraining import retraining_command
from ftlab.tracking import score_history
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.records import HistoryPart, Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.tracking.score_history import SCORE_HISTORY_FILE, read_score_history, write_score_history
from ftlab.tracking.tracker import load_history
from ftlab.tracking.tracking_uri import sqlite_path
from ftlab.training.epoch_result import EpochResult

MakeTrial = Callable[..., TrialRecord]
MakeEpoch = Callable[..., EpochResult]
KEYS = ("a1", "b2")
PROFILE = ProfileConfig(description="", metric="", protocol="")


@pytest.fixture
def store(store_uri: str, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch) -> MlflowTracker:
    """Two finished trials."""
    tracker = MlflowTracker(store_uri)
    tracker.open_study(study)
    for key in KEYS:
        tracker.record_trial(make_trial(key), [make_epoch(1)], Outcome(TrialStatus.FINISHED))
    return tracker


def tamper(tracker: MlflowTracker, statement: str, *values: object) -> None:
    path = sqlite_path(tracker.uri)
    assert path is not None
    with closing(sqlite3.connect(path)) as database, database:
        assert database.execute(statement, values).rowcount > 0


def run_of(tracker: MlflowTracker, key: str) -> str:
    return str(tracker.load_trials().set_index("trial_key").loc[key, "run_id"])


def test_names_and_values_are_read_as_texts(store: MlflowTracker) -> None:
    run, huge = run_of(store, "a1"), "A" * 10_000_000
    tamper(store, "INSERT INTO params VALUES (?, ?, ?)", "../../x", "__import__('os').system('id')", run)
    tamper(store, "INSERT INTO params VALUES (?, ?, ?)", "<script>", huge, run)
    tamper(store, "UPDATE runs SET name = ? WHERE run_uuid = ?", "=cmd()</script>", run)
    tamper(store, "UPDATE tags SET value = '../../' WHERE key = 'ftlab.study' AND run_uuid = ?", run)
    row = store.load_trials().set_index("trial_key").loc["a1"]
    assert row["params"]["../../x"] == "__import__('os').system('id')"
    assert row["params"]["<script>"] == huge
    assert (row["name"], row["study"]) == ("=cmd()</script>", "../../")


@pytest.mark.slow
@pytest.mark.parametrize("column", ["trial_key", "cell_key", "seed", "status", "params", "tags", "run_id"])
def test_no_metric_takes_the_place_of_a_trials_name(column: str, store: MlflowTracker) -> None:
    before = store.load_trials()[column].tolist()
    statement = "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, 1.0, 1, 1, 0, ?)"
    tamper(store, statement, column, run_of(store, "a1"))
    assert store.load_trials()[column].tolist() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM tags WHERE key = 'ftlab.cell_key' AND run_uuid = ?",
        "UPDATE tags SET value = 'many' WHERE key = 'ftlab.seed' AND run_uuid = ?",
        "UPDATE tags SET value = 'owned' WHERE key = 'ftlab.status' AND run_uuid = ?",
    ],
)
def test_a_run_that_is_no_trial_costs_no_other(
    statement: str, store: MlflowTracker, caplog: pytest.LogCaptureFixture
) -> None:
    run = run_of(store, "a1")
    tamper(store, statement, run)
    with caplog.at_level(logging.WARNING):
        assert store.load_trials()["trial_key"].tolist() == ["b2"]
    assert f"run {run} has not" in caplog.text


@pytest.mark.parametrize("address", ["file:///{tmp}/private", "file:///{tmp}/../{tmp}/private", "http://127.0.0.1:9/x"])
def test_a_store_cannot_send_readers_and_writers_elsewhere(
    address: str, store: MlflowTracker, make_trial: MakeTrial, make_epoch: MakeEpoch, tmp_path: Path
) -> None:
    private = tmp_path / "private"
    private.mkdir()
    write_score_history([make_epoch(1)], private / SCORE_HISTORY_FILE)
    (private / "table.csv").write_text("mine")
    mine = {path.name: path.read_bytes() for path in private.iterdir()}
    tamper(store, "UPDATE runs SET artifact_uri = ?", address.format(tmp=tmp_path))
    again = MlflowTracker(store.uri)
    assert load_history(again, KEYS, HistoryPart.STEPS).empty
    again.open_trial(make_trial("a1"))
    results = tmp_path / "results"
    results.mkdir()
    (results / "table.csv").write_text("evil")
    with pytest.raises(TrackingError, match="must lie in its own folder"):
        again.close_study("momentum/digits", description="", artifacts=results, complete=True)
    tamper(store, "UPDATE tags SET value = 'interrupted' WHERE key = 'ftlab.status'")
    with pytest.raises(TrackingError, match="must lie in its own folder"):
        MlflowTracker(store.uri).record_trial(make_trial("b2"), [make_epoch(2)], Outcome(TrialStatus.FINISHED))
    assert {path.name: path.read_bytes() for path in private.iterdir()} == mine


def write_history(path: Path, **columns: pa.Array) -> None:
    empty = {"epoch": pa.int32(), "name": pa.string(), "part": pa.string(), "value": pa.float64()}
    empty |= {"counts": pa.list_(pa.int64()), "series": pa.list_(pa.float64())}
    num_rows = len(next(iter(columns.values())))
    pq.write_table(pa.table({name: columns.get(name, pa.nulls(num_rows, kind)) for name, kind in empty.items()}), path)


def test_a_small_file_of_many_values_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / SCORE_HISTORY_FILE
    num_rows = 2_000_000
    write_history(path, part=pa.DictionaryArray.from_arrays(pa.array([0] * num_rows, pa.int8()), ["metrics"]))
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(score_history, "MAX_VALUES", 10 * 1_000_000)
    with pytest.raises(TrackingError, match=r"at most 10,000,000 values .* holds 12,000,000"):
        read_score_history(path, [HistoryPart.METRICS])


def test_a_long_name_is_kept_once(tmp_path: Path) -> None:
    path = tmp_path / SCORE_HISTORY_FILE
    names = pa.DictionaryArray.from_arrays(pa.array([0] * 50_000, pa.int32()), ["A" * 100_000])
    parts = pa.DictionaryArray.from_arrays(pa.array([0] * 50_000, pa.int32()), ["metrics"])
    write_history(path, name=names, part=parts, value=pa.array([1.0] * 50_000))  # 5 GB if it were unpacked
    before = pa.total_allocated_bytes()
    table = read_score_history(path, [HistoryPart.METRICS])[HistoryPart.METRICS]
    assert len(table) == 50_000
    assert pa.total_allocated_bytes() - before < 50_000_000


def test_a_clock_that_would_be_copied_for_every_series_is_refused(tmp_path: Path) -> None:
    path = tmp_path / SCORE_HISTORY_FILE
    num_series = 1000
    write_history(
        path,
        epoch=pa.array([1] * (num_series + 1), pa.int32()),
        name=pa.array(["step"] + ["a"] * num_series),
        part=pa.array(["steps"] * (num_series + 1)),
        series=pa.array([[0.0] * 100_000] + [[0.0]] * num_series, pa.list_(pa.float64())),
    )
    with pytest.raises(TrackingError, match="must have a value a step"):
        read_score_history(path, [HistoryPart.STEPS])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!!python/object/apply:os.getcwd []", "key_momentum must be a number"),
        ("[" * 5_000, "key_momentum must be a number"),
        ("a" * 2_000_000, "must have at most"),
        ("__import__('os').getcwd()", "key_momentum must be a number"),
        ("$(id)", "key_momentum must be a number"),
    ],
)
def test_a_recorded_setting_is_read_as_data(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        retraining_command("digits", PROFILE, {"method.key_momentum": text})


def test_a_command_to_paste_runs_nothing_of_a_record() -> None:
    hostile = "/x/$(touch owned)'; touch owned; '"
    command = retraining_command("digits", PROFILE, {"data.name": "folder", "data.root": hostile})
    assert "--set 'data.root=/x/$(touch owned)'\"'\"'; touch owned; '\"'\"''" in command
