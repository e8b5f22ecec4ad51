"""A home that was moved, renamed or copied: its store names the place where it was."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.mlflow.moved_files import find_moved
from ftlab.tracking.records import UNREADABLE, HistoryPart, Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.tracking.tracker import load_history
from ftlab.tracking.tracking_uri import default_tracking_uri
from ftlab.training.epoch_result import EpochResult

MakeTrial = Callable[..., TrialRecord]
MakeEpoch = Callable[..., EpochResult]
Record = Callable[[Path, str], MlflowTracker]

FINISHED = Outcome(TrialStatus.FINISHED)


@pytest.fixture
def record(study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch) -> Record:
    def call(home: Path, trial_key: str) -> MlflowTracker:
        tracker = MlflowTracker(default_tracking_uri(home))
        tracker.open_study(study)
        tracker.record_trial(make_trial(trial_key), [make_epoch(1)], FINISHED)
        tracker.close_study(study.study, description="", artifacts=None, complete=True)
        return tracker

    return call


@pytest.fixture
def home(tmp_path: Path, first_start: tuple[Path, str]) -> Path:
    home = tmp_path / "old"
    home.mkdir()
    shutil.copy(first_start[0], home)
    return home


def places(home: Path) -> set[str]:
    client = MlflowClient(tracking_uri=default_tracking_uri(home))
    experiment = client.get_experiment_by_name("momentum")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    return {experiment.artifact_location, *(run.info.artifact_uri.partition("/momentum")[0] for run in runs)}


@pytest.mark.parametrize("name", ["new", "a new home", "50%", "a%20b", "what?", "#2", "ü/artifacts"])
@pytest.mark.slow
def test_a_moved_home_reads_and_writes_where_it_lies(
    name: str, home: Path, record: Record, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record(home, "a1")
    new = tmp_path / name
    new.parent.mkdir(exist_ok=True)
    home.rename(new)
    with caplog.at_level(logging.WARNING):
        later = record(new, "b2")
        steps = load_history(later, ["a1", "b2"], HistoryPart.STEPS)
    assert set(steps["trial_key"]) == {"a1", "b2"}
    assert steps.attrs[UNREADABLE] == []
    assert not home.exists()
    root = (new / "artifacts").as_uri()
    assert places(new) == {root, f"{root}/momentum"}
    assert [str(new) in message for message in caplog.messages] == [True]
    assert sorted(path.name for path in tmp_path.iterdir()) == [new.relative_to(tmp_path).parts[0]]


@pytest.mark.slow
def test_a_copied_home_writes_nothing_into_the_original(home: Path, record: Record, tmp_path: Path) -> None:
    record(home, "a1")
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    before = sorted(home.rglob("*"))
    record(copy, "b2")
    assert sorted(home.rglob("*")) == before
    assert places(home) == {(home / "artifacts").as_uri(), (home / "artifacts" / "momentum").as_uri()}


def test_files_that_were_left_behind_are_still_read_there(home: Path, record: Record, tmp_path: Path) -> None:
    record(home, "a1")
    new = tmp_path / "new"
    new.mkdir()
    shutil.move(home / "mlflow.db", new)
    (new / "artifacts").mkdir()
    tracker = MlflowTracker(default_tracking_uri(new))
    assert load_history(tracker, ["a1"], HistoryPart.STEPS).attrs[UNREADABLE] == []
    (new / "artifacts" / "momentum").mkdir()
    tracker = MlflowTracker(default_tracking_uri(new))
    assert load_history(tracker, ["a1"], HistoryPart.STEPS).attrs[UNREADABLE] == []


def test_a_home_under_another_name_and_a_place_of_the_users_choice_stay(
    home: Path, record: Record, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    MlflowClient(tracking_uri=default_tracking_uri(home)).create_experiment("momentum", str(tmp_path / "mine"))
    record(home, "a1")
    (tmp_path / "link").symlink_to(home)
    record(tmp_path / "link", "b2")
    assert not caplog.records
    assert find_moved(home / "mlflow.db", home / "artifacts") == []
