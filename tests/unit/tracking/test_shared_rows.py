"""The rows that a study shares with others, in every tracker."""

from collections.abc import Callable

import pytest

from ftlab.tracking.memory_tracker import MemoryTracker
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.opening import page_link
from ftlab.tracking.records import Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.tracking.tracker import NullTracker, Tracker
from ftlab.training.epoch_result import EpochResult

MakeTrial = Callable[..., TrialRecord]
MakeEpoch = Callable[..., EpochResult]


@pytest.fixture(params=["null", "memory", "mlflow"])
def tracker(request: pytest.FixtureRequest, study: StudyRecord) -> Tracker:
    if request.param == "mlflow":
        tracker: Tracker = MlflowTracker(request.getfixturevalue("store_uri"))
    else:
        tracker = NullTracker() if request.param == "null" else MemoryTracker()
    tracker.open_study(study)
    tracker.open_study(StudyRecord("queue", "queue/digits"))
    return tracker


def test_shared_rows_are_shown_once_and_counted_never(
    tracker: Tracker, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    for key, seed in (("a1", 0), ("b2", 1)):
        tracker.record_trial(make_trial(key, seed), [make_epoch(1)], Outcome(TrialStatus.FINISHED))
    before = tracker.load_trials()
    own = {"a1": "plain", "b2": "plain"}
    assert tracker.shows_rows("momentum/digits", own)
    assert tracker.shows_rows("queue/digits", own) == isinstance(tracker, NullTracker)
    for cells in ({"a1": "K 1024"}, {"a1": "K 1024", "b2": "K 1024"}):
        tracker.show_rows("queue/digits", cells)
        assert tracker.shows_rows("queue/digits", cells)
    assert tracker.shows_rows("queue/digits", {"b2": "K 1024"})
    assert tracker.load_trials().equals(before)
    tracker.close_study("queue/digits", description="", artifacts=None, complete=True, numbers={"a": {"mean": 1.0}})
    assert tracker.load_trials().equals(before)


def test_a_page_has_an_address_with_filter_and_order(store_uri: str, study: StudyRecord) -> None:
    tracker = MlflowTracker(store_uri)
    tracker.open_study(study)
    base = "http://127.0.0.1:5000"
    number = tracker.find_experiment_id("momentum")
    assert page_link(tracker, None) == page_link(tracker, "unknown") == base
    plain = f"/#/experiments/{number}/runs?workflowType=machine_learning"
    assert page_link(tracker, "momentum", port=5001) == f"http://127.0.0.1:5001{plain}"
    assert page_link(tracker, "momentum", "momentum/digits", "probe/top1") == (
        f"{base}{plain}&searchFilter=tags.%60ftlab.study%60%20%3D%20%27momentum%2Fdigits%27"
        "&orderByKey=metrics.%60probe%2Ftop1%60&orderByAsc=false"
    )
