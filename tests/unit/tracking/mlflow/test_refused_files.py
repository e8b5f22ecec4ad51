"""A store that takes records while the place of its files refuses them: nothing but the files is missing."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from ftlab.errors import ArtifactError
from ftlab.tracking.journal import Journal
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.records import UNREADABLE, HistoryPart, Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.tracking.tracker import REFUSED_TAG, load_history
from ftlab.tracking.tracking_uri import sqlite_path
from ftlab.tracking.writer import TrackingWriter
from ftlab.training.epoch_result import EpochResult

MakeTrial = Callable[..., TrialRecord]
MakeEpoch = Callable[..., EpochResult]

FINISHED = Outcome(TrialStatus.FINISHED)


def open_at(location: str, uri: str, study: StudyRecord, journal: Journal) -> MlflowTracker:
    """Open a study whose experiment keeps its files elsewhere."""
    MlflowClient(tracking_uri=uri).create_experiment(study.experiment, location)
    tracker = MlflowTracker(uri, journal=journal)
    tracker.open_study(study)
    return tracker


def record(tracker: MlflowTracker, journal: Journal, trial: TrialRecord, epochs: list[EpochResult]) -> TrackingWriter:
    writer = TrackingWriter(tracker, journal, flush_seconds=0.01)
    writer.open_trial(trial)
    for epoch in epochs:
        writer.log_epochs(trial.trial_key, [epoch])
    writer.close_trial(trial.trial_key, FINISHED)
    assert writer.close() == []
    return writer


@pytest.mark.slow
@pytest.mark.parametrize(
    "location",
    [
        "mlflow-artifacts:/",
        "file:///dev/null/artifacts",
        "/proc/version/artifacts",
        "file:///proc/artifacts",
        "ftp://127.0.0.1:1/artifacts",
        "nonsense://bucket/artifacts",
    ],
)
def test_refused_files_withhold_no_number(
    location: str, store_uri: str, study: StudyRecord, journal: Journal, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    tracker = open_at(location, store_uri, study, journal)
    writer = record(tracker, journal, make_trial(), [make_epoch(1), make_epoch(2)])
    assert list(writer.refused) == ["a1"]
    assert location.partition(":")[0] in writer.refused["a1"]
    row = tracker.load_trials().iloc[0]
    assert (row["status"], row["probe/top1"]) == ("finished", 20.0)
    assert REFUSED_TAG in row["tags"]
    # What the store lacks is drawn from the journal.
    steps = load_history(tracker, ["a1"], HistoryPart.STEPS)
    assert steps["step"].to_list() == [1, 2, 3, 4]
    assert steps.attrs[UNREADABLE] == []


def test_a_study_is_ended_although_its_files_are_refused(
    store_uri: str, study: StudyRecord, journal: Journal, tmp_path: Path
) -> None:
    tracker = open_at("mlflow-artifacts:/", store_uri, study, journal)
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "table.md").write_text("# table")
    with pytest.raises(ArtifactError, match="mlflow-artifacts:/"):
        tracker.close_study(study.study, description="# table", artifacts=tmp_path / "results", complete=True)
    (run,) = MlflowClient(tracking_uri=store_uri).search_runs(["1"])
    assert (run.info.status, run.data.tags["mlflow.note.content"]) == ("FINISHED", "# table")


def test_a_later_process_stores_the_files_that_were_refused(
    store_uri: str, study: StudyRecord, journal: Journal, make_trial: MakeTrial, make_epoch: MakeEpoch, tmp_path: Path
) -> None:
    tracker = open_at("mlflow-artifacts:/", store_uri, study, journal)
    record(tracker, journal, make_trial(), [make_epoch(1)])
    path = sqlite_path(store_uri)
    assert path is not None
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            "UPDATE runs SET artifact_uri = replace(artifact_uri, 'mlflow-artifacts:', ?)", [str(tmp_path)]
        )
    later = MlflowTracker(store_uri)
    writer = TrackingWriter(later, journal)
    assert writer.replay(["a1"]) == ["a1"]
    assert (writer.replay(["a1"]), writer.refused) == ([], {})
    writer.close()
    assert REFUSED_TAG not in later.load_trials().iloc[0]["tags"]
    assert load_history(later, ["a1"], HistoryPart.STEPS)["step"].to_list() == [1, 2]
