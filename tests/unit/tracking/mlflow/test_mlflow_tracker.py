import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from math import isnan
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from ftlab.errors import ArtifactError, TrackingError
from ftlab.tracking.mlflow import connection
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.records import Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.training.epoch_result import EpochResult

MakeTrial = Callable[..., TrialRecord]
MakeEpoch = Callable[..., EpochResult]

FINISHED = Outcome(TrialStatus.FINISHED)
EPOCH_ROWS = ("pretrain/loss", "probe/top1", "scores/positive", "step", "scores/positive_mean", "head", "backbone")

DRIVER_THAT_HANGS = """
import sys, time
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.records import StudyRecord, TrialRecord
from ftlab.training.epoch_result import EpochResult

tracker = MlflowTracker(sys.stdin.readline().strip())
tracker.open_study(StudyRecord("momentum", "momentum/digits"))
tracker.open_trial(TrialRecord("dead", "cell", 0, "momentum/digits", "seed 0", {"optimizer.lr": "0.1"}))
tracker.log_epochs("dead", [EpochResult(1, 1.0, {"pretrain/loss": 1.0}), EpochResult(2, 2.0, {"pretrain/loss": 0.5})])
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def client(store_uri: str) -> MlflowClient:
    return MlflowClient(tracking_uri=store_uri)


@pytest.fixture
def tracker(store_uri: str, study: StudyRecord) -> MlflowTracker:
    tracker = MlflowTracker(store_uri)
    tracker.open_study(study)
    return tracker


@pytest.fixture(scope="module", autouse=True)
def starting_driver() -> Iterator[subprocess.Popen[str]]:
    """Another process that waits for the address of a store; it takes seconds to start, so it starts first."""
    command = [sys.executable, "-c", DRIVER_THAT_HANGS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.fixture
def hanging_driver(starting_driver: subprocess.Popen[str], store_uri: str) -> subprocess.Popen[str]:
    assert starting_driver.stdin is not None
    assert starting_driver.stdout is not None
    starting_driver.stdin.write(f"{store_uri}\n")
    starting_driver.stdin.flush()
    assert starting_driver.stdout.readline() == "ready\n"
    return starting_driver


def runs_of(client: MlflowClient, experiment: str = "momentum") -> dict[str, Run]:
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return {run.info.run_name: run for run in client.search_runs([found.experiment_id])}


def test_the_first_start_prints_nothing(first_start: tuple[Path, str]) -> None:
    _, printed = first_start
    assert printed == ""


def test_a_study_is_a_tree_of_described_runs(
    tracker: MlflowTracker, client: MlflowClient, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    tracker.open_trial(make_trial())
    tracker.log_epochs("a1", [make_epoch(1), make_epoch(2)])
    tracker.close_trial("a1", Outcome(TrialStatus.COLLAPSED, "negative variance is 0"))
    tracker.close_study("momentum/digits", description="# Momentum", artifacts=None, complete=True)

    runs = runs_of(client)
    parent, child = runs["momentum/digits"], runs["seed 0"]
    assert child.data.params == {"method.key_momentum": "0.99"}
    expected_tags = {
        "mlflow.parentRunId": parent.info.run_id,
        "ftlab.trial_key": "a1",
        "ftlab.cell_key": "cell",
        "ftlab.seed": "0",
        "ftlab.status": "collapsed",
        "ftlab.reason": "negative variance is 0",
        "ftlab.collapse": "true",
        "git.commit": "abc",
    }
    assert expected_tags.items() <= child.data.tags.items()
    assert {"ftlab.study": "momentum/digits", "mlflow.note.content": "# Momentum"}.items() <= parent.data.tags.items()
    assert parent.info.status == child.info.status == "FINISHED"
    history = client.get_metric_history(child.info.run_id, "pretrain/loss")
    assert [(point.step, point.timestamp, point.value) for point in history] == [
        (1, 1_700_000_001_000, 1.0),
        (2, 1_700_000_002_000, 0.5),
    ]


@pytest.mark.parametrize(
    ("status", "expected"),
    [(TrialStatus.FINISHED, "FINISHED"), (TrialStatus.FAILED, "FAILED"), (TrialStatus.INTERRUPTED, "KILLED")],
)
def test_run_status_follows_the_outcome(
    tracker: MlflowTracker, client: MlflowClient, make_trial: MakeTrial, status: TrialStatus, expected: str
) -> None:
    tracker.open_trial(make_trial())
    assert runs_of(client)["seed 0"].info.status == "RUNNING"
    tracker.close_trial("a1", Outcome(status))
    assert runs_of(client)["seed 0"].info.status == expected


def test_a_new_process_continues_the_runs_it_finds(
    tracker: MlflowTracker,
    client: MlflowClient,
    store_uri: str,
    study: StudyRecord,
    make_trial: MakeTrial,
    make_epoch: MakeEpoch,
) -> None:
    tracker.open_trial(make_trial())
    tracker.log_epochs("a1", [make_epoch(1), make_epoch(2)])

    later = MlflowTracker(store_uri)
    later.open_study(study)
    later.open_trial(make_trial(params={"method.key_momentum": "0.990", "method.queue_size": "1024"}))
    later.log_epochs("a1", [make_epoch(1), make_epoch(2), make_epoch(3)])
    later.close_trial("a1", FINISHED)

    runs = runs_of(client)
    assert sorted(runs) == ["momentum/digits", "seed 0"]
    assert runs["seed 0"].data.params == {"method.key_momentum": "0.99", "method.queue_size": "1024"}
    steps = [point.step for point in client.get_metric_history(runs["seed 0"].info.run_id, "pretrain/loss")]
    assert steps == [1, 2, 3]
    assert len(later.load_trials()) == 1


def test_score_history_holds_every_epoch(
    tracker: MlflowTracker, client: MlflowClient, make_trial: MakeTrial, make_epoch: MakeEpoch, tmp_path: Path
) -> None:
    tracker.open_trial(make_trial())
    tracker.log_epochs("a1", [make_epoch(1)])
    tracker.log_epochs("a1", [make_epoch(2, loss=float("nan"))])
    tracker.close_trial("a1", FINISHED)
    path = client.download_artifacts(runs_of(client)["seed 0"].info.run_id, "scores.parquet", str(tmp_path))
    rows = pq.read_table(path).to_pylist()
    assert [(row["epoch"], row["name"]) for row in rows] == [(epoch, name) for epoch in (1, 2) for name in EPOCH_ROWS]
    assert [row["counts"] for row in rows if row["name"] == "scores/positive"] == [[1, 2, 3], [2, 2, 3]]
    assert isnan(rows[len(EPOCH_ROWS)]["value"])


def test_a_result_counts_where_artifacts_cannot_be_stored(
    tracker: MlflowTracker, make_trial: MakeTrial, make_epoch: MakeEpoch, tmp_path: Path
) -> None:
    (tmp_path / "artifacts").write_text("in the way")
    tracker.open_trial(make_trial())
    tracker.log_epochs("a1", [make_epoch(1)])
    with pytest.raises(ArtifactError, match="files must be stored at"):
        tracker.close_trial("a1", FINISHED)
    assert tracker.load_trials()["status"].to_list() == ["finished"]


@pytest.mark.slow
def test_a_whole_trial_that_failed_half_way_is_completed(
    tracker: MlflowTracker, client: MlflowClient, make_trial: MakeTrial, make_epoch: MakeEpoch, tmp_path: Path
) -> None:
    obstacle = tmp_path / "artifacts"
    obstacle.write_text("in the way")
    for _ in range(2):
        with pytest.raises(ArtifactError, match="files must be stored at"):
            tracker.record_trial(make_trial(), [make_epoch(1), make_epoch(2)], FINISHED)
    obstacle.unlink()
    tracker.record_trial(make_trial(), [make_epoch(1), make_epoch(2)], FINISHED)
    run = runs_of(client)["seed 0"]
    assert run.data.params == dict(make_trial().params)
    assert len(client.get_metric_history(run.info.run_id, "pretrain/loss")) == 2
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["scores.parquet"]


@pytest.mark.slow
def test_a_whole_trial_whose_driver_died_half_way_is_completed(
    tracker: MlflowTracker,
    client: MlflowClient,
    make_trial: MakeTrial,
    make_epoch: MakeEpoch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: object, **__: object) -> None:
        raise OSError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", die)
        with pytest.raises(TrackingError, match="power cut"):
            tracker.record_trial(make_trial(), [make_epoch(1)], FINISHED)
    assert tracker.load_trials()["status"].to_list() == ["running"]
    tracker.record_trial(make_trial(), [make_epoch(1)], FINISHED)
    run = runs_of(client)["seed 0"]
    assert run.data.params == dict(make_trial().params)
    assert tracker.load_trials()[["status", "pretrain/loss"]].values.tolist() == [["finished", 1.0]]


@pytest.mark.slow
def test_artifacts_lie_beside_the_database_or_in_the_given_folder(
    tracker: MlflowTracker, store_uri: str, make_trial: MakeTrial, tmp_path: Path
) -> None:
    (tmp_path / "results" / "figures").mkdir(parents=True)
    (tmp_path / "results" / "table.md").write_text("| a |")
    (tmp_path / "results" / "figures" / "a.svg").write_text("<svg/>")
    tracker.close_study("momentum/digits", description="", artifacts=tmp_path / "results", complete=False)
    elsewhere = MlflowTracker(store_uri, tmp_path / "elsewhere")
    elsewhere.open_study(StudyRecord("queue", "queue/digits"))
    elsewhere.close_study("queue/digits", description="", artifacts=tmp_path / "results", complete=False)
    for root in ("artifacts/momentum", "elsewhere/queue"):
        found = {path.name for path in (tmp_path / root).rglob("*") if path.is_file()}
        assert found == {"table.md", "a.svg"}


@pytest.mark.slow
def test_limits_of_the_store_are_kept(
    tracker: MlflowTracker, client: MlflowClient, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    params = {f"section.setting_{index}": "x" * 20 for index in range(150)} | {"section.long": "x" * 10_000}
    tags = {f"tag_{index}": "y" for index in range(150)} | {"long": "y" * 10_000}
    for _ in range(2):
        tracker.open_trial(make_trial(params=params, tags=tags))
        tracker.log_epochs("a1", [EpochResult(n, 1.0, {f"m/{i}": 1.0 for i in range(400)}) for n in range(1, 4)])
        tracker.close_trial("a1", Outcome(TrialStatus.INTERRUPTED))
    tracker.close_study("momentum/digits", description="# long\n" * 5_000, artifacts=None, complete=True)
    run = runs_of(client)["seed 0"]
    assert len(run.data.params) == 151
    assert run.data.params["section.long"] == "x" * 5_999 + "…"
    assert tags.keys() <= run.data.tags.keys()
    assert len(client.get_metric_history(run.info.run_id, "m/399")) == 3


def test_a_deleted_experiment_is_named_with_its_cure(
    tracker: MlflowTracker, client: MlflowClient, store_uri: str, study: StudyRecord
) -> None:
    experiment_id = tracker.find_experiment_id("momentum")
    assert experiment_id is not None
    client.delete_experiment(experiment_id)
    assert tracker.find_experiment_id("momentum") is None
    with pytest.raises(
        TrackingError, match=f"deleted one, but got 'momentum'.*restore --experiment-id {experiment_id}"
    ):
        MlflowTracker(store_uri).open_study(study)


def test_deleted_and_foreign_runs_are_ignored(
    tracker: MlflowTracker, client: MlflowClient, make_trial: MakeTrial
) -> None:
    experiment_id = tracker.find_experiment_id("momentum")
    assert experiment_id is not None
    client.create_run(experiment_id, run_name="someone else's")
    tracker.open_trial(make_trial("a1", name="kept"))
    tracker.open_trial(make_trial("b2", name="deleted"))
    client.delete_run(runs_of(client)["deleted"].info.run_id)
    assert tracker.load_trials()["trial_key"].to_list() == ["a1"]
    assert tracker.find_experiment_id("nowhere") is None


def test_of_doubled_runs_the_one_with_a_result_counts(
    tracker: MlflowTracker, client: MlflowClient, store_uri: str, make_trial: MakeTrial
) -> None:
    tracker.open_trial(make_trial())
    tracker.close_trial("a1", FINISHED)
    finished = runs_of(client)["seed 0"]
    tags = {name: text for name, text in finished.data.tags.items() if name.startswith("ftlab.")}
    client.create_run(finished.info.experiment_id, run_name="double", tags={**tags, "ftlab.status": "running"})
    assert MlflowTracker(store_uri).load_trials()["run_id"].to_list() == [finished.info.run_id]


def test_all_pages_are_read(tracker: MlflowTracker, make_trial: MakeTrial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_PAGE_SIZE", 2)
    for seed in range(5):
        tracker.open_trial(make_trial(f"a{seed}", seed))
    assert tracker.load_trials()["seed"].to_list() == [0, 1, 2, 3, 4]


@pytest.mark.slow
def test_more_runs_than_one_answer_holds(tracker: MlflowTracker, make_trial: MakeTrial) -> None:
    for seed in range(1200):
        tracker.open_trial(make_trial(f"a{seed:04d}", seed))
    assert tracker.load_trials()["seed"].to_list() == list(range(1200))


@pytest.mark.slow
def test_reconcile_marks_the_runs_of_a_killed_driver_only(
    hanging_driver: subprocess.Popen[str], client: MlflowClient, store_uri: str, make_trial: MakeTrial
) -> None:
    tracker = MlflowTracker(store_uri)
    tracker.open_study(StudyRecord("queue", "queue/digits"))
    tracker.open_trial(make_trial("mine", study="queue/digits"))
    tracker.open_trial(make_trial("elsewhere", 1, study="queue/digits"))
    client.set_tag(runs_of(client, "queue")["seed 1"].info.run_id, "ftlab.driver", "another-host:1:1")
    assert tracker.reconcile() == 0

    os.kill(hanging_driver.pid, signal.SIGKILL)
    hanging_driver.wait()
    assert tracker.reconcile() == 1
    assert tracker.reconcile() == 0
    assert {run.info.status for run in runs_of(client, "momentum").values()} == {"KILLED"}
    assert {run.info.status for run in runs_of(client, "queue").values()} == {"RUNNING"}
    statuses = tracker.load_trials().set_index("trial_key")["status"].to_dict()
    assert statuses == {"dead": "interrupted", "elsewhere": "running", "mine": "running"}


def test_a_dead_server_is_reported_within_seconds(capfd: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    with pytest.raises(
        TrackingError, match=r"must answer, but http://127\.0\.0\.1:9 did not\. If it is a server, start it"
    ):
        MlflowTracker("http://127.0.0.1:9")
    assert time.monotonic() - started < 10.0
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_store_that_fails_later_is_named(tracker: MlflowTracker, store_uri: str, make_trial: MakeTrial) -> None:
    Path(store_uri.removeprefix("sqlite:///")).write_bytes(b"overwritten" * 1000)
    with pytest.raises(TrackingError, match=f"must answer and take records, but {store_uri} did not"):
        tracker.open_trial(make_trial())


@pytest.mark.slow
def test_processes_that_open_a_new_store_at_once_all_succeed(tmp_path: Path) -> None:
    script = (
        f"from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker; MlflowTracker('sqlite:///{tmp_path}/new.db')"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE) for _ in range(2)]
    assert [(process.wait(), process.communicate()[1]) for process in processes] == [(0, b"")] * 2
