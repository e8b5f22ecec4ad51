import json

from mlflow import MlflowClient

from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.opening import page_link
from ftlab.tracking.records import StudyRecord

METRIC = "probe/top1"
BASE = "http://127.0.0.1:5000/#/experiments"


def test_a_studys_list_shows_status_collapse_and_accuracy_by_itself(store_uri: str) -> None:
    tracker = MlflowTracker(store_uri)
    tracker.open_study(StudyRecord("momentum", "momentum/digits", {"ftlab.metric": METRIC}))
    number = tracker.find_experiment_id("momentum")
    link = page_link(tracker, "momentum", "momentum/digits", METRIC)
    address, _, key = link.partition("&viewStateShareKey=")
    assert address == f"{BASE}/{number}/runs?workflowType=machine_learning"
    experiment = MlflowClient(tracking_uri=store_uri).get_experiment(str(number))
    view = json.loads(experiment.tags[f"mlflow.sharedViewState.{key}"])
    assert view["searchFilter"] == "tags.`ftlab.study` = 'momentum/digits'"
    assert (view["orderByKey"], view["orderByAsc"]) == (f"metrics.`{METRIC}`", False)
    columns = ["tags.`ftlab.status`", "metrics.`collapsed`", f"metrics.`{METRIC}`", "tags.`ftlab.seed`"]
    assert view["selectedColumns"] == columns


def test_each_study_has_a_list_of_its_own(store_uri: str) -> None:
    tracker = MlflowTracker(store_uri)
    names = ("momentum/digits", "momentum/digits+train.epochs=2")
    for name in names:
        tracker.open_study(StudyRecord("momentum", name, {"ftlab.metric": METRIC}))
    assert len({page_link(tracker, "momentum", name, METRIC) for name in names}) == 2


def test_a_study_without_a_view_is_listed_by_filter_and_order(store_uri: str) -> None:
    tracker = MlflowTracker(store_uri)
    tracker.open_study(StudyRecord("momentum", "momentum/digits", {"ftlab.metric": METRIC}))
    assert "orderByKey=" in page_link(tracker, "momentum", "momentum/digits", "knn/top1")
    assert "&" not in page_link(tracker, "momentum")
