"""The page of a study: its own trials, and references to those of other studies, which nobody takes for trials."""

from collections.abc import Callable
from math import isnan

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from ftlab.errors import TrackingError
from ftlab.tracking.mlflow import run_layout as layout
from ftlab.tracking.mlflow.copying import Migration
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.records import HistoryPart, Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.tracking.tracker import load_history
from ftlab.training.epoch_result import EpochResult

MakeTrial = Callable[..., TrialRecord]
MakeEpoch = Callable[..., EpochResult]

FINISHED, COLLAPSED = Outcome(TrialStatus.FINISHED), Outcome(TrialStatus.COLLAPSED, "no margin")
QUEUE = StudyRecord("queue", "queue/digits", {"ftlab.question": "How long a queue?"})
PARAMS = {"data.name": "digits", "data.image_size": "8", "train.epochs": "2"}
TAGS = {"data.fingerprint": "edec023516602a817a1e802d67b2f0fb", "git.commit": "abc"}


@pytest.fixture
def client(store_uri: str) -> MlflowClient:
    return MlflowClient(tracking_uri=store_uri)


@pytest.fixture
def tracker(store_uri: str, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch) -> MlflowTracker:
    """A store with a study of two trials, and another study, which has one of its own."""
    tracker = MlflowTracker(store_uri)
    for record in (study, QUEUE):
        tracker.open_study(record)
    epochs = [make_epoch(1), make_epoch(2)]
    for key, seed, ended in (("a1", 0, FINISHED), ("b2", 1, COLLAPSED)):
        trial = make_trial(key, seed, name=f"key_momentum=0.99 seed {seed}", params=PARAMS, tags=TAGS)
        tracker.record_trial(trial, epochs, ended)
    tracker.record_trial(make_trial("c3", 0, name="K 512 seed 0", study=QUEUE.study), epochs, FINISHED)
    return tracker


def runs_of(client: MlflowClient, experiment: str) -> dict[str, Run]:
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    runs = client.search_runs([found.experiment_id])
    assert len({run.info.run_name for run in runs}) == len(runs)
    return {run.info.run_name: run for run in runs}


@pytest.mark.slow
def test_names_are_told_apart_where_they_are_cut_and_read_back(tracker: MlflowTracker, client: MlflowClient) -> None:
    assert runs_of(client, "momentum").keys() == {
        "momentum/digits",
        "s0 · 0.99 (key_momentum)",
        "s1 · 0.99 (key_momentum)",
    }
    names = tracker.load_trials()["name"].to_list()
    assert names == ["key_momentum=0.99 seed 0", "key_momentum=0.99 seed 1", "K 512 seed 0"]


def test_runs_can_be_grouped_and_say_what_they_are(tracker: MlflowTracker, client: MlflowClient) -> None:
    experiment = client.get_experiment_by_name("queue")
    assert experiment is not None
    assert experiment.tags["mlflow.note.content"].startswith("How long a queue?\n\nA run at the first level")
    run = runs_of(client, "momentum")["s1 · 0.99 (key_momentum)"]
    expected = {"ftlab.cell": "key_momentum=0.99", "ftlab.seed": "1", "ftlab.study": "momentum/digits"}
    assert {**expected, "ftlab.status": "collapsed"}.items() <= run.data.tags.items()
    assert run.data.tags["mlflow.note.content"] == "Row `key_momentum=0.99` of the table `momentum/digits`, seed 1."
    assert "ftlab.cell" not in tracker.load_trials()["tags"][0]


@pytest.mark.slow
def test_a_description_that_a_person_wrote_stays(tracker: MlflowTracker, client: MlflowClient, store_uri: str) -> None:
    experiment_id = tracker.find_experiment_id("queue")
    assert experiment_id is not None
    client.set_experiment_tag(experiment_id, "mlflow.note.content", "mine")
    MlflowTracker(store_uri).open_study(QUEUE)
    assert client.get_experiment(experiment_id).tags["mlflow.note.content"] == "mine"


def test_collapse_is_a_metric_that_no_reader_takes_for_a_trials_own(
    tracker: MlflowTracker, client: MlflowClient, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    tracker.open_trial(make_trial("d4", 2, name="cut seed 2"))
    tracker.log_epochs("d4", [make_epoch(1)])
    tracker.close_trial("d4", Outcome(TrialStatus.FAILED, "out of memory"))
    tracker.open_trial(make_trial("e5", 3, name="whole seed 3"))
    tracker.log_epochs("e5", [make_epoch(1), make_epoch(2)])
    tracker.close_trial("e5", COLLAPSED)
    found = {name: run.data.metrics.get("collapsed") for name, run in runs_of(client, "momentum").items()}
    collapsed = {"s0 · 0.99 (key_momentum)": 0.0, "s1 · 0.99 (key_momentum)": 1.0, "s2 · cut": None, "s3 · whole": 1.0}
    assert found == {"momentum/digits": None, **collapsed}
    assert "collapsed" not in tracker.load_trials()
    run_id = runs_of(client, "momentum")["s3 · whole"].info.run_id
    assert [point.step for point in client.get_metric_history(run_id, "collapsed")] == [2]
    # A trial that goes on after its end goes on after its last epoch.
    later = MlflowTracker(tracker.uri)
    later.open_trial(make_trial("d4", 2, name="cut seed 2"))
    later.log_epochs("d4", [make_epoch(1), make_epoch(2)])
    later.close_trial("d4", FINISHED)
    run_id = runs_of(client, "momentum")["s2 · cut"].info.run_id
    assert [point.step for point in client.get_metric_history(run_id, "pretrain/loss")] == [1, 2]


@pytest.mark.slow
def test_the_data_set_is_an_input_with_its_digest(tracker: MlflowTracker, client: MlflowClient) -> None:
    run = runs_of(client, "momentum")["s0 · 0.99 (key_momentum)"]
    (found,) = run.inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest) == ("digits", "edec023516602a817a1e802d67b2f0fb")
    assert [(tag.key, tag.value) for tag in found.tags] == [("mlflow.data.context", "training")]
    assert '"data.image_size": "8"' in found.dataset.source
    # A trial that does not say its images has none.
    assert not runs_of(client, "queue")["s0 · K 512"].inputs.dataset_inputs


def test_a_page_shows_the_trials_that_it_shares(tracker: MlflowTracker, client: MlflowClient) -> None:
    cells = {"a1": "K 1024", "b2": "K 1024", "c3": "K 512", "unknown": "K 1"}
    assert not tracker.shows_rows(QUEUE.study, cells)
    for _ in range(2):
        tracker.show_rows(QUEUE.study, cells)
    assert tracker.shows_rows(QUEUE.study, cells)
    runs = runs_of(client, "queue")
    assert runs.keys() == {"queue/digits", "s0 · K 512", "s0 · K 1024", "s1 · K 1024"}
    reference, source = runs["s1 · K 1024"], runs_of(client, "momentum")["s1 · 0.99 (key_momentum)"]
    expected = {
        "mlflow.parentRunId": runs["queue/digits"].info.run_id,
        "ftlab.reference": source.info.run_id,
        "ftlab.cell": "K 1024",
        "ftlab.seed": "1",
        "ftlab.study": "queue/digits",
        "ftlab.status": "collapsed",
        "ftlab.collapse": "true",
    }
    assert expected.items() <= reference.data.tags.items()
    assert "was trained for `momentum/digits` and not again" in reference.data.tags["mlflow.note.content"]
    assert reference.data.metrics == source.data.metrics
    assert reference.data.params == source.data.params
    assert reference.inputs.dataset_inputs == source.inputs.dataset_inputs
    assert (reference.info.status, reference.info.start_time, reference.info.end_time) == (
        source.info.status,
        source.info.start_time,
        source.info.end_time,
    )
    experiment = client.get_experiment_by_name("queue")
    assert experiment is not None
    shown = client.search_runs([experiment.experiment_id], layout.page_filter("queue/digits"))
    assert len(shown) == 4


def test_no_reader_takes_a_reference_for_a_trial(
    tracker: MlflowTracker, client: MlflowClient, make_trial: MakeTrial, make_epoch: MakeEpoch, target_uri: str
) -> None:
    before = tracker.load_trials()
    history = load_history(tracker, ["a1", "b2"], HistoryPart.METRICS)
    tracker.show_rows(QUEUE.study, {"a1": "K 1024", "b2": "K 1024"})
    later = MlflowTracker(tracker.uri)
    assert later.load_trials().equals(before)
    assert load_history(later, ["a1", "b2"], HistoryPart.METRICS).equals(history)
    assert later.reconcile() == 0
    # Recording the trial again, even for the study that shows it, finds its run.
    later.record_trial(make_trial("a1", study=QUEUE.study), [make_epoch(1)], FINISHED)
    assert later.load_trials().equals(before)
    # A deleted reference is no trial to restore.
    client.delete_run(runs_of(client, "queue")["s0 · K 1024"].info.run_id)
    migration = Migration(tracker.uri, target_uri)
    outcomes = list(migration.run(migration.plan()))
    assert [problem for outcome in outcomes for problem in outcome.problems] == []
    assert len(outcomes) == 5
    there = MlflowClient(tracking_uri=target_uri)
    assert runs_of(there, "queue").keys() == {"queue/digits", "s0 · K 512"}
    copied = runs_of(there, "momentum")["s0 · 0.99 (key_momentum)"]
    assert [found.dataset.name for found in copied.inputs.dataset_inputs] == ["digits"]
    # The next sweep there shows them again.
    target = MlflowTracker(target_uri)
    assert not target.shows_rows(QUEUE.study, {"a1": "K 1024"})
    target.open_study(QUEUE)
    target.show_rows(QUEUE.study, {"a1": "K 1024"})
    assert runs_of(there, "queue").keys() == {"queue/digits", "s0 · K 512", "s0 · K 1024"}


@pytest.mark.slow
def test_a_reference_is_made_anew_where_another_run_counts(
    tracker: MlflowTracker, client: MlflowClient, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    cells = {"a1": "K 1024", "b2": "K 1024"}
    tracker.show_rows(QUEUE.study, cells)
    source = runs_of(client, "momentum")["s0 · 0.99 (key_momentum)"]
    client.delete_run(source.info.run_id)
    other = MlflowTracker(tracker.uri)
    other.open_study(StudyRecord("start", "start/digits"))
    trial = make_trial("a1", 0, study="start/digits", name="0.3 seed 0")
    other._deleted = {}  # as if the run was removed for good
    other.record_trial(trial, [make_epoch(1), make_epoch(2, loss=0.125)], FINISHED)
    later = MlflowTracker(tracker.uri)
    later.load_trials()
    assert not later.shows_rows(QUEUE.study, cells)
    later.show_rows(QUEUE.study, cells)
    assert later.shows_rows(QUEUE.study, cells)
    renewed = runs_of(client, "queue")["s0 · K 1024"]
    assert renewed.data.tags["ftlab.reference"] == runs_of(client, "start")["s0 · 0.3"].info.run_id
    assert renewed.data.metrics["pretrain/loss"] == 0.125


@pytest.mark.slow
def test_a_row_that_was_renamed_is_renamed_in_its_references_alone(
    tracker: MlflowTracker, client: MlflowClient
) -> None:
    tracker.show_rows(QUEUE.study, {"a1": "K 1024", "c3": "K 512"})
    tracker.show_rows(QUEUE.study, {"a1": "long", "c3": "short"})
    assert runs_of(client, "queue").keys() == {"queue/digits", "s0 · K 512", "s0 · long"}
    # Trials that are not asked for stay, as the runs of trials do.
    tracker.show_rows(QUEUE.study, {"b2": "other"})
    assert runs_of(client, "queue").keys() == {"queue/digits", "s0 · K 512", "s0 · long", "s1 · other"}


@pytest.mark.slow
def test_a_reference_that_was_left_unfinished_is_made_anew(tracker: MlflowTracker, client: MlflowClient) -> None:
    tracker.show_rows(QUEUE.study, {"a1": "K 1024"})
    half = runs_of(client, "queue")["s0 · K 1024"].info.run_id
    client.update_run(half, status="RUNNING")
    assert not tracker.shows_rows(QUEUE.study, {"a1": "K 1024"})
    tracker.show_rows(QUEUE.study, {"a1": "K 1024"})
    whole = runs_of(client, "queue")["s0 · K 1024"]
    assert (whole.info.run_id == half, whole.info.status) == (False, "FINISHED")


@pytest.mark.slow
def test_runs_of_an_older_ftlab_get_the_names_of_their_rows_and_keep_their_own(
    tracker: MlflowTracker, client: MlflowClient, target_uri: str
) -> None:
    run_id = runs_of(client, "queue")["s0 · K 512"].info.run_id
    client.delete_tag(run_id, "ftlab.cell")
    client.update_run(run_id, name="K 512 seed 0")
    list((migration := Migration(tracker.uri, target_uri)).run(migration.plan()))
    older = MlflowTracker(tracker.uri)
    assert older.load_trials()["name"].to_list()[2] == "K 512 seed 0"
    assert not older.shows_rows(QUEUE.study, {"c3": "512"})
    older.open_study(QUEUE)
    older.show_rows(QUEUE.study, {"c3": "512"})
    tags = client.get_run(run_id).data.tags
    assert (tags["ftlab.cell"], tags["mlflow.runName"]) == ("512", "K 512 seed 0")
    assert older.load_trials()["name"].to_list()[2] == "K 512 seed 0"
    assert older.shows_rows(QUEUE.study, {"c3": "512"})
    # A copy that was made before is still a copy.
    again = Migration(tracker.uri, target_uri)
    assert [problem for outcome in again.run(again.plan()) for problem in outcome.problems] == []


def test_the_numbers_of_a_table_are_metrics_of_its_study(tracker: MlflowTracker, client: MlflowClient) -> None:
    numbers = {"λ=1/2": {"mean": 70.0}, "λ=1+2": {"mean": 75.5, "difference": 5.5}}
    tracker.close_study(QUEUE.study, description="", artifacts=None, complete=True, numbers=numbers)
    expected = {"table/mean/λ_1_2": 70.0, "table/mean/λ_1_2:2": 75.5, "table/difference/λ_1_2:2": 5.5}
    assert runs_of(client, "queue")["queue/digits"].data.metrics == expected
    later = MlflowTracker(tracker.uri)
    later.open_study(QUEUE)
    later.close_study(QUEUE.study, description="", artifacts=None, complete=True, numbers={"λ=1/2": {"mean": 71.0}})
    metrics = runs_of(client, "queue")["queue/digits"].data.metrics
    assert metrics.pop("table/mean/λ_1_2") == 71.0
    assert all(map(isnan, metrics.values()))
    assert tracker.load_trials().equals(later.load_trials())


def test_a_page_is_that_of_an_open_study(tracker: MlflowTracker) -> None:
    with pytest.raises(TrackingError, match="study must be opened before it is used"):
        tracker.show_rows("unknown/digits", {"a1": "x"})
    assert not tracker.shows_rows("unknown/digits", {"a1": "x"})
