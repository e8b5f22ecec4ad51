import logging
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient

from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.records import UNREADABLE, HistoryPart, Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.tracking.score_history import SCORE_HISTORY_FILE
from ftlab.tracking.tracker import load_history
from ftlab.training.epoch_result import EpochResult

MakeTrial = Callable[..., TrialRecord]
MakeEpoch = Callable[..., EpochResult]

KEYS = ("a1", "b2")


@pytest.fixture
def tracker(store_uri: str, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch) -> MlflowTracker:
    """Two finished trials."""
    tracker = MlflowTracker(store_uri)
    tracker.open_study(study)
    for key in KEYS:
        tracker.open_trial(make_trial(key))
        tracker.log_epochs(key, [make_epoch(1), make_epoch(2)])
        tracker.close_trial(key, Outcome(TrialStatus.FINISHED))
    return tracker


def file_of(tracker: MlflowTracker, trial_key: str, store_uri: str) -> Path:
    trials = tracker.load_trials().set_index("trial_key")
    run = MlflowClient(tracking_uri=store_uri).get_run(trials.loc[trial_key, "run_id"])
    return Path(run.info.artifact_uri.removeprefix("file://")) / SCORE_HISTORY_FILE


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PAR1 cut off")])
def test_a_lost_file_costs_its_own_curves_alone(
    tracker: MlflowTracker, store_uri: str, damage: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    damage(file_of(tracker, "a1", store_uri))
    with caplog.at_level(logging.WARNING):
        steps = load_history(tracker, KEYS, HistoryPart.STEPS)
    assert set(steps["trial_key"]) == {"b2"}
    assert "must be readable for its curves, but is not of a1" in caplog.text
    metrics = load_history(tracker, KEYS, HistoryPart.METRICS)
    per_trial = [group.drop(columns="trial_key").values.tolist() for _, group in metrics.groupby("trial_key")]
    assert per_trial[0] == per_trial[1]


def test_a_damaged_column_costs_its_own_parts_alone(
    tracker: MlflowTracker, store_uri: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = file_of(tracker, "a1", store_uri)
    whole = tracker.load_histories(KEYS, [*HistoryPart])
    chunk = next(
        column
        for column in map(pq.read_metadata(path).row_group(0).column, range(6))
        if column.path_in_schema.startswith("series")
    )
    content = bytearray(path.read_bytes())
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    content[start : start + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        found = tracker.load_histories(KEYS, [*HistoryPart])
    damaged = {part for part, frame in found.items() if frame.attrs[UNREADABLE] == ["a1"]}
    assert damaged == {HistoryPart.STEPS, HistoryPart.HISTOGRAMS}
    assert all(set(found[part]["trial_key"]) == {"b2"} for part in damaged)
    for part in set(HistoryPart) - damaged:
        pd.testing.assert_frame_equal(found[part], whole[part])
    assert len(caplog.records) == 1


@pytest.mark.slow
def test_many_lost_files_are_counted(
    store_uri: str, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = MlflowTracker(store_uri)
    tracker.open_study(study)
    keys = [f"trial{number}" for number in range(5)]
    for key in keys:
        tracker.open_trial(make_trial(key))
        tracker.log_epochs(key, [make_epoch(1)])
        tracker.close_trial(key, Outcome(TrialStatus.FINISHED))
        file_of(tracker, key, store_uri).unlink()
    with caplog.at_level(logging.WARNING):
        assert load_history(tracker, keys, HistoryPart.HISTOGRAMS).empty
    assert len(caplog.records) == 1
    assert "trial2" in caplog.text
    assert "trial3" not in caplog.text
    assert "and 2 more" in caplog.text


def test_a_trial_that_was_not_trained_to_its_end_gives_no_warning(
    tracker: MlflowTracker, make_trial: MakeTrial, caplog: pytest.LogCaptureFixture
) -> None:
    tracker.open_trial(make_trial("c3"))
    tracker.close_trial("c3", Outcome(TrialStatus.FAILED, "no room"))
    with caplog.at_level(logging.WARNING):
        assert load_history(tracker, ["c3"], HistoryPart.STEPS).empty
    assert not caplog.records


def test_a_trial_that_goes_on_shows_more_than_its_file(
    tracker: MlflowTracker, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    tracker.open_trial(make_trial("c3"))
    tracker.log_epochs("c3", [make_epoch(1)])
    tracker.close_trial("c3", Outcome(TrialStatus.INTERRUPTED))
    tracker.open_trial(make_trial("c3"))
    tracker.log_epochs("c3", [make_epoch(2)])
    tracker.load_trials()
    assert set(load_history(tracker, ["c3"], HistoryPart.METRICS)["epoch"]) == {1, 2}


def test_what_another_process_recorded_is_found(
    tracker: MlflowTracker, store_uri: str, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    reader = MlflowTracker(store_uri)
    reader.load_trials()
    tracker.open_trial(make_trial("c3"))
    tracker.log_epochs("c3", [make_epoch(1)])
    tracker.close_trial("c3", Outcome(TrialStatus.FINISHED))
    assert load_history(reader, ["c3"], HistoryPart.STEPS)["step"].to_list() == [1, 2]
