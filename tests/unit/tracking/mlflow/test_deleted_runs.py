"""Runs that a person deleted in MLflow's pages: what a study needs is restored, and it is said."""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest
from mlflow import MlflowClient

from ftlab.tracking.journal import Journal
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.records import HistoryPart, Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.tracking.tracker import load_history
from ftlab.tracking.tracking_uri import sqlite_path
from ftlab.tracking.writer import TrackingWriter
from ftlab.training.epoch_result import EpochResult

MakeTrial = Callable[..., TrialRecord]
MakeEpoch = Callable[..., EpochResult]

FINISHED = Outcome(TrialStatus.FINISHED)


@pytest.fixture
def runs(
    store_uri: str, study: StudyRecord, journal: Journal, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> dict[str, str]:
    """The identifiers of a closed study and its trial."""
    tracker = MlflowTracker(store_uri)
    tracker.open_study(study)
    writer = TrackingWriter(tracker, journal)
    writer.open_trial(make_trial())
    writer.log_epochs("a1", [make_epoch(1)])
    writer.close_trial("a1", FINISHED)
    assert writer.close() == []
    tracker.close_study(study.study, description="", artifacts=None, complete=True)
    found = MlflowClient(tracking_uri=store_uri).search_runs(["1"])
    return {"study" if run.info.run_name == study.study else "trial": run.info.run_id for run in found}


def test_a_deleted_trial_that_a_study_needs_is_restored_with_a_word(
    runs: dict[str, str], store_uri: str, study: StudyRecord, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    MlflowClient(tracking_uri=store_uri).delete_run(runs["trial"])
    tracker = MlflowTracker(store_uri)
    assert tracker.load_trials().empty
    tracker.open_study(study)
    assert not caplog.records
    writer = TrackingWriter(tracker, journal)
    with caplog.at_level(logging.WARNING):
        assert writer.replay(["a1"]) == ["a1"]
    writer.close()
    assert caplog.messages == [f"A run that was deleted in MLflow is needed and restored: a1, run {runs['trial']}."]
    assert tracker.load_trials()["run_id"].to_list() == [runs["trial"]]
    assert load_history(tracker, ["a1"], HistoryPart.STEPS)["step"].to_list() == [1, 2]


def test_a_deleted_study_is_restored_with_its_trials(
    runs: dict[str, str], store_uri: str, study: StudyRecord, caplog: pytest.LogCaptureFixture
) -> None:
    client = MlflowClient(tracking_uri=store_uri)
    client.delete_run(runs["study"])
    tracker = MlflowTracker(store_uri)
    assert not tracker.has_study(study.study)
    tracker.open_study(study)
    assert "restored: momentum/digits" in caplog.text
    assert client.get_run(runs["study"]).info.lifecycle_stage == "active"
    assert client.get_run(runs["trial"]).data.tags["mlflow.parentRunId"] == runs["study"]


def test_trials_of_a_study_that_was_removed_for_good_are_attached_to_its_new_run(
    runs: dict[str, str], store_uri: str, study: StudyRecord
) -> None:
    path = sqlite_path(store_uri)
    assert path is not None
    with closing(sqlite3.connect(path)) as database, database:
        for table in ("tags", "runs"):
            database.execute(f"DELETE FROM {table} WHERE run_uuid = ?", [runs["study"]])  # noqa: S608 - fixed names
    MlflowTracker(store_uri).open_study(study)
    client = MlflowClient(tracking_uri=store_uri)
    (new,) = client.search_runs(["1"], "tags.`ftlab.kind` = 'study'")
    assert client.get_run(runs["trial"]).data.tags["mlflow.parentRunId"] == new.info.run_id
