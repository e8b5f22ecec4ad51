from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ftlab.errors import TrackingError
from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.records import (
    HISTORY_COLUMNS,
    TRIAL_COLUMNS,
    HistoryPart,
    Outcome,
    StudyRecord,
    TrialRecord,
    TrialStatus,
)
from ftlab.tracking.tracker import NullTracker, Tracker, load_history
from ftlab.training.epoch_result import EpochResult

MakeTrial = Callable[..., TrialRecord]
MakeEpoch = Callable[..., EpochResult]

FINISHED = Outcome(TrialStatus.FINISHED)


@pytest.fixture(params=["null", "memory", "mlflow"])
def tracker(request: pytest.FixtureRequest) -> Tracker:
    if request.param == "mlflow":
        return MlflowTracker(request.getfixturevalue("store_uri"))
    return NullTracker() if request.param == "null" else MemoryTracker()


@pytest.fixture
def recorder(tracker: Tracker) -> Tracker:
    """A tracker of those that record."""
    if isinstance(tracker, NullTracker):
        pytest.skip("the null tracker records nothing")
    return tracker


def test_every_verb_may_be_repeated(
    tracker: Tracker, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    (results / "table.md").write_text("| a |")
    for _ in range(2):
        tracker.open_study(study)
        tracker.open_trial(make_trial())
        tracker.open_trial(make_trial())
        tracker.log_epochs("a1", [make_epoch(1), make_epoch(2)])
        tracker.log_epochs("a1", [make_epoch(2)])
        tracker.close_trial("a1", FINISHED)
        tracker.close_trial("a1", FINISHED)
        tracker.close_study(study.study, description="# done", artifacts=results, complete=True)
        tracker.close_study(study.study, description="# done", artifacts=None, complete=True)
    assert tracker.reconcile() == 0
    frame = tracker.load_trials()
    assert tuple(frame.columns[: len(TRIAL_COLUMNS)]) == TRIAL_COLUMNS
    assert len(frame) == (0 if isinstance(tracker, NullTracker) else 1)


def test_an_empty_store_gives_an_empty_frame(tracker: Tracker) -> None:
    frame = tracker.load_trials()
    assert list(frame.columns) == list(TRIAL_COLUMNS)
    assert frame.empty


def test_frame_holds_identity_status_and_last_metrics(
    recorder: Tracker, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    recorder.open_study(study)
    recorder.open_trial(make_trial("b2", seed=1))
    recorder.open_trial(make_trial("a1", seed=0))
    recorder.log_epochs("a1", [make_epoch(1), make_epoch(2)])
    recorder.log_epochs("a1", [EpochResult(3, 1.0, {"pretrain/loss": 0.25})])
    recorder.close_trial("a1", Outcome(TrialStatus.FAILED, "out of memory"))

    frame = recorder.load_trials()
    expected = pd.DataFrame(
        {
            "trial_key": ["a1", "b2"],
            "cell_key": ["cell", "cell"],
            "seed": [0, 1],
            "status": ["failed", "running"],
            "reason": ["out of memory", ""],
            "experiment": ["momentum", "momentum"],
            "study": ["momentum/digits", "momentum/digits"],
            "name": ["seed 0", "seed 1"],
            "params": [dict(make_trial().params)] * 2,
            "tags": [dict(make_trial().tags)] * 2,
            "pretrain/loss": [0.25, np.nan],
            "probe/top1": [20.0, np.nan],
        }
    )
    pd.testing.assert_frame_equal(frame.drop(columns="run_id"), expected)
    assert frame["run_id"].is_unique


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_metrics_that_are_not_finite_come_back(
    recorder: Tracker, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch, value: float
) -> None:
    recorder.open_study(study)
    recorder.open_trial(make_trial())
    recorder.log_epochs("a1", [make_epoch(1), make_epoch(2, loss=value)])
    recorder.close_trial("a1", Outcome(TrialStatus.COLLAPSED))
    frame = recorder.load_trials()
    np.testing.assert_equal(frame["pretrain/loss"].to_list(), [value])
    assert frame["status"].to_list() == ["collapsed"]


def test_an_epoch_is_recorded_once(
    recorder: Tracker, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    recorder.open_study(study)
    recorder.open_trial(make_trial())
    recorder.log_epochs("a1", [make_epoch(1), make_epoch(2, loss=0.5)])
    recorder.log_epochs("a1", [make_epoch(2, loss=99.0)])
    assert recorder.load_trials()["pretrain/loss"].to_list() == [0.5]


def test_an_interrupted_and_a_failed_trial_can_be_continued(
    recorder: Tracker, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    recorder.open_study(study)
    for outcome in (Outcome(TrialStatus.INTERRUPTED), Outcome(TrialStatus.FAILED, "out of memory")):
        recorder.open_trial(make_trial())
        recorder.close_trial("a1", outcome)
        assert recorder.load_trials()[["status", "reason"]].values.tolist() == [[outcome.status, outcome.reason]]
    recorder.open_trial(make_trial())
    assert recorder.load_trials()[["status", "reason"]].values.tolist() == [["running", ""]]
    recorder.log_epochs("a1", [make_epoch(1)])
    recorder.close_trial("a1", FINISHED)
    assert recorder.load_trials()["status"].to_list() == ["finished"]


def test_a_result_stands(recorder: Tracker, study: StudyRecord, make_trial: MakeTrial) -> None:
    recorder.open_study(study)
    recorder.open_trial(make_trial())
    recorder.close_trial("a1", FINISHED)
    recorder.open_trial(make_trial())
    recorder.close_trial("a1", Outcome(TrialStatus.INTERRUPTED))
    assert recorder.load_trials()["status"].to_list() == ["finished"]


def test_a_trial_stays_where_it_was_first_opened(
    recorder: Tracker, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    recorder.open_study(study)
    recorder.open_trial(make_trial())
    recorder.close_trial("a1", Outcome(TrialStatus.INTERRUPTED))
    recorder.open_study(StudyRecord("queue", "queue/digits"))
    recorder.open_trial(make_trial(study="queue/digits"))
    recorder.log_epochs("a1", [make_epoch(1)])
    recorder.close_trial("a1", FINISHED)
    frame = recorder.load_trials()
    assert frame[["experiment", "study", "status"]].values.tolist() == [["momentum", "momentum/digits", "finished"]]


def test_what_was_never_opened_is_refused(recorder: Tracker, make_trial: MakeTrial, make_epoch: MakeEpoch) -> None:
    with pytest.raises(TrackingError, match=r"study must be opened before it is used, but got study='momentum/digits'"):
        recorder.open_trial(make_trial())
    with pytest.raises(TrackingError, match=r"trial must be opened before it is used, but got trial='a1'"):
        recorder.log_epochs("a1", [make_epoch(1)])
    with pytest.raises(TrackingError, match="trial must be opened"):
        recorder.close_trial("a1", FINISHED)
    with pytest.raises(TrackingError, match="study must be opened"):
        recorder.close_study("momentum/digits", description="", artifacts=None, complete=True)


def test_a_study_is_known_from_its_opening_on(
    recorder: Tracker, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    assert not recorder.has_study(study.study)
    recorder.open_study(study)
    recorder.open_study(StudyRecord("queue", "queue/bob's digits"))
    assert recorder.has_study(study.study)
    recorder.close_study(study.study, description="# done", artifacts=None, complete=True)
    assert recorder.has_study(study.study)
    assert recorder.has_study("queue/bob's digits")
    assert not recorder.has_study("momentum")
    recorder.record_trial(make_trial(), [make_epoch(1)], FINISHED)
    assert recorder.load_trials()["study"].to_list() == [study.study]


@pytest.mark.parametrize("part", HistoryPart)
def test_unknown_trials_have_no_history(tracker: Tracker, part: HistoryPart) -> None:
    frame = load_history(tracker, ["a1"], part)
    assert tuple(frame.columns) == HISTORY_COLUMNS[part]
    assert frame.empty


def test_histories_of_the_trials_asked_for(
    recorder: Tracker, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    recorder.open_study(study)
    for key in ("a1", "b2", "c3"):
        recorder.open_trial(make_trial(key))
        recorder.log_epochs(key, [make_epoch(1), make_epoch(2, loss=float("inf"))])
        recorder.close_trial(key, FINISHED)
    metrics = load_history(recorder, ["c3", "a1"], HistoryPart.METRICS)
    assert metrics[metrics["name"] == "pretrain/loss"].values.tolist() == [
        ["c3", 1, "pretrain/loss", 1.0],
        ["c3", 2, "pretrain/loss", float("inf")],
        ["a1", 1, "pretrain/loss", 1.0],
        ["a1", 2, "pretrain/loss", float("inf")],
    ]
    assert load_history(recorder, ["b2"], HistoryPart.STEPS).values.tolist() == [
        ["b2", 1, 1, "scores/positive_mean", 0.5],
        ["b2", 1, 2, "scores/positive_mean", 0.1],
        ["b2", 2, 3, "scores/positive_mean", 0.5],
        ["b2", 2, 4, "scores/positive_mean", 0.2],
    ]
    assert load_history(recorder, ["b2"], HistoryPart.GRADIENT_NORMS)["value"].to_list() == [0.25, 1.0, 0.25, 2.0]
    counts = load_history(recorder, ["b2"], HistoryPart.HISTOGRAMS)["counts"]
    assert [list(histogram) for histogram in counts] == [[1, 2, 3], [2, 2, 3]]


def test_a_running_trial_has_its_metrics_so_far(
    recorder: Tracker, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    recorder.open_study(study)
    recorder.open_trial(make_trial())
    assert load_history(recorder, ["a1"], HistoryPart.METRICS).empty
    recorder.log_epochs("a1", [make_epoch(1, loss=float("inf")), make_epoch(2, loss=float("nan"))])
    frame = load_history(recorder, ["a1"], HistoryPart.METRICS)
    assert frame["epoch"].to_list() == [1, 1, 2, 2]
    assert frame["name"].to_list() == ["pretrain/loss", "probe/top1"] * 2
    np.testing.assert_equal(frame["value"].to_list(), [np.inf, 10.0, np.nan, 20.0])


def test_a_whole_trial_is_recorded_as_by_three_verbs(
    recorder: Tracker, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    recorder.open_study(study)
    recorder.open_trial(make_trial("a1"))
    recorder.log_epochs("a1", [make_epoch(1), make_epoch(2)])
    recorder.close_trial("a1", Outcome(TrialStatus.COLLAPSED, "no margin"))
    for _ in range(2):
        recorder.record_trial(
            make_trial("b2"), [make_epoch(1), make_epoch(2)], Outcome(TrialStatus.COLLAPSED, "no margin")
        )
    frame = recorder.load_trials()
    assert frame["trial_key"].to_list() == ["a1", "b2"]
    three, whole = frame.drop(columns=["trial_key", "run_id"]).to_dict("records")
    assert three == whole


def test_a_whole_trial_continues_its_run_and_leaves_a_result_alone(
    recorder: Tracker, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    recorder.open_study(study)
    recorder.open_trial(make_trial())
    recorder.log_epochs("a1", [make_epoch(1)])
    recorder.record_trial(make_trial(), [make_epoch(1), make_epoch(2)], FINISHED)
    recorder.record_trial(make_trial(), [make_epoch(1, loss=9.0)], Outcome(TrialStatus.FAILED, "late"))
    frame = recorder.load_trials()
    assert frame[["trial_key", "status", "pretrain/loss"]].values.tolist() == [["a1", "finished", 0.5]]


def test_a_whole_trial_may_have_no_epochs(recorder: Tracker, study: StudyRecord, make_trial: MakeTrial) -> None:
    recorder.open_study(study)
    recorder.record_trial(make_trial(), [], Outcome(TrialStatus.FAILED, "no room"))
    assert recorder.load_trials()[["status", "reason"]].values.tolist() == [["failed", "no room"]]


TOLD = Outcome(
    TrialStatus.FINISHED, tags={"train.compiled": "no: it fell back", "ftlab.status": "failed", "mlflow.user": "x"}
)


def test_what_a_training_told_stands_beside_the_tags_of_its_trial(
    recorder: Tracker, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    recorder.open_study(study)
    recorder.open_trial(make_trial("a1"))
    recorder.log_epochs("a1", [make_epoch(1)])
    recorder.close_trial("a1", TOLD)
    recorder.record_trial(make_trial("b2"), [make_epoch(1)], TOLD)
    recorder.record_trial(make_trial("c3"), [], TOLD)
    recorder.record_trial(make_trial("d4"), [make_epoch(1)], FINISHED)
    frame = recorder.load_trials()
    assert frame["status"].to_list() == ["finished"] * 4
    own = {"git.commit": "abc"}
    assert frame["tags"].to_list() == [{**own, "train.compiled": "no: it fell back"}] * 3 + [own]


def test_a_result_takes_no_tags_of_a_later_end(recorder: Tracker, study: StudyRecord, make_trial: MakeTrial) -> None:
    recorder.open_study(study)
    recorder.open_trial(make_trial())
    recorder.close_trial("a1", FINISHED)
    recorder.open_trial(make_trial())
    recorder.close_trial("a1", TOLD)
    assert recorder.load_trials()["tags"].to_list() == [{"git.commit": "abc"}]
