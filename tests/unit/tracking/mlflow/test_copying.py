import sqlite3
from collections.abc import Callable
from contextlib import closing
from math import inf, nan
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from ftlab.errors import TrackingError
from ftlab.tracking.mlflow.copying import CopyOutcome, Migration
from ftlab.tracking.mlflow.missing import Action
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.records import HistoryPart, Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.tracking.tracker import load_history
from ftlab.tracking.tracking_uri import default_tracking_uri, sqlite_path
from ftlab.training.epoch_result import EpochResult

MakeTrial = Callable[..., TrialRecord]
MakeEpoch = Callable[..., EpochResult]

STATUSES = {
    "done": Outcome(TrialStatus.FINISHED, tags={"train.compiled": "no"}),
    "flat": Outcome(TrialStatus.COLLAPSED, "variance 0"),
    "broken": Outcome(TrialStatus.FAILED, "out of memory"),
    "cut": Outcome(TrialStatus.INTERRUPTED),
}


@pytest.fixture
def source(
    store_uri: str, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch, tmp_path: Path
) -> MlflowTracker:
    """A store with a study, its table, and a trial of every status."""
    tracker = MlflowTracker(store_uri)
    tracker.open_study(study)
    for seed, (key, ended) in enumerate(STATUSES.items()):
        tracker.record_trial(
            make_trial(key, seed), [make_epoch(1), make_epoch(2, loss=[nan, inf, 0.1, 0.2][seed])], ended
        )
    (tmp_path / "results" / "figures").mkdir(parents=True)
    (tmp_path / "results" / "table.md").write_text("| a table |")
    (tmp_path / "results" / "figures" / "curves.pdf").write_bytes(bytes(range(256)))
    tracker.close_study(study.study, description="# Momentum", artifacts=tmp_path / "results", complete=True)
    return tracker


def migrate(source: MlflowTracker, target_uri: str) -> list[CopyOutcome]:
    migration = Migration(source.uri, target_uri)
    return list(migration.run(migration.plan()))


def problems(outcomes: list[CopyOutcome]) -> list[str]:
    return [problem for outcome in outcomes for problem in outcome.problems]


def actions(outcomes: list[CopyOutcome]) -> set[Action]:
    return {outcome.step.action for outcome in outcomes}


def frames(uri: str) -> list[pd.DataFrame]:
    tracker = MlflowTracker(uri)
    trials = tracker.load_trials()
    histories = [load_history(tracker, list(trials["trial_key"]), part) for part in HistoryPart]
    return [trials.drop(columns="run_id"), *histories]


def runs_of(uri: str) -> dict[str, Run]:
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("momentum")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert len({run.info.run_name for run in runs}) == len(runs)
    return {run.info.run_name: run for run in runs}


def edit(uri: str, statement: str, *values: Any) -> None:
    path = sqlite_path(uri)
    assert path is not None
    with closing(sqlite3.connect(path)) as database:
        assert database.execute(statement, values).rowcount > 0
        database.commit()


def die_at(monkeypatch: pytest.MonkeyPatch, verb: str, call: int) -> None:
    """Let the given call of a verb of the client's fail, and all after it."""
    original, calls = getattr(MlflowClient, verb), []

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(verb)
        if len(calls) >= call:
            raise OSError("power cut")
        return original(*args, **kwargs)

    monkeypatch.setattr(MlflowClient, verb, counted)


def cut_power(monkeypatch: pytest.MonkeyPatch, source: MlflowTracker, target_uri: str, verb: str, call: int) -> None:
    """Begin a migration that ends at the given call of a verb."""
    with monkeypatch.context() as patch:
        die_at(patch, verb, call)
        with pytest.raises(TrackingError, match=r"power cut. The same command goes on from here"):
            migrate(source, target_uri)


@pytest.mark.slow
def test_the_target_tells_what_the_source_does(source: MlflowTracker, target_uri: str) -> None:
    outcomes = migrate(source, target_uri)
    assert (problems(outcomes), actions(outcomes)) == ([], {Action.COPY})
    for mine, theirs in zip(frames(source.uri), frames(target_uri), strict=True):
        pd.testing.assert_frame_equal(mine, theirs, check_exact=True)
    here, there = runs_of(source.uri), runs_of(target_uri)
    for name, run in here.items():
        copy = there[name]
        assert (copy.info.status, copy.info.start_time, copy.info.end_time) == (
            run.info.status,
            run.info.start_time,
            run.info.end_time,
        )
        kept = {tag: text for tag, text in run.data.tags.items() if tag != "mlflow.parentRunId"}
        assert kept.items() <= copy.data.tags.items()
        assert (copy.data.tags["ftlab.copy_of"], copy.data.tags["ftlab.copy"]) == (run.info.run_id, "complete")
    parent = there["momentum/digits"]
    assert {run.data.tags.get("mlflow.parentRunId") for run in there.values()} == {None, parent.info.run_id}


@pytest.mark.slow
def test_files_lie_beside_the_target(source: MlflowTracker, target_uri: str, tmp_path: Path) -> None:
    migrate(source, target_uri)
    parent = runs_of(target_uri)["momentum/digits"].info
    folder = tmp_path / "target" / "artifacts" / "momentum" / parent.run_id / "artifacts"
    assert (folder / "table.md").read_text() == "| a table |"
    assert (folder / "figures" / "curves.pdf").read_bytes() == bytes(range(256))


@pytest.mark.slow
def test_a_second_time_nothing_is_written_to_either(source: MlflowTracker, target_uri: str) -> None:
    files = [sqlite_path(uri) for uri in (source.uri, target_uri)]
    before = files[0].read_bytes()  # type: ignore[union-attr]
    migrate(source, target_uri)
    after = files[1].read_bytes()  # type: ignore[union-attr]
    outcomes = migrate(source, target_uri)
    assert (problems(outcomes), actions(outcomes)) == ([], {Action.CHECK})
    assert [file.read_bytes() for file in files] == [before, after]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("verb", "call"),
    [
        pytest.param("create_run", 3, marks=pytest.mark.slow),
        pytest.param("log_batch", 1, marks=pytest.mark.slow),
        ("log_batch", 5),
        pytest.param("log_batch", 6, marks=pytest.mark.slow),
        pytest.param("set_terminated", 1, marks=pytest.mark.slow),
        pytest.param("set_terminated", 4, marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_copy_is_completed(
    source: MlflowTracker, target_uri: str, monkeypatch: pytest.MonkeyPatch, verb: str, call: int
) -> None:
    cut_power(monkeypatch, source, target_uri, verb, call)
    half = MlflowTracker(target_uri).load_trials()
    assert set(half["status"]) <= {"running", *(str(ended.status) for ended in STATUSES.values())}
    assert problems(migrate(source, target_uri)) == []
    for mine, theirs in zip(frames(source.uri), frames(target_uri), strict=True):
        pd.testing.assert_frame_equal(mine, theirs, check_exact=True)
    assert runs_of(target_uri).keys() == runs_of(source.uri).keys()


@pytest.mark.slow
def test_a_half_written_copy_counts_as_running(
    source: MlflowTracker, target_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_power(monkeypatch, source, target_uri, "log_batch", 3)
    assert MlflowTracker(target_uri).load_trials()["status"].to_list() == ["running"]


@pytest.mark.slow
def test_a_changed_value_is_an_error_and_stays(source: MlflowTracker, target_uri: str) -> None:
    migrate(source, target_uri)
    run_id = runs_of(target_uri)["seed 0"].info.run_id
    edit(target_uri, "UPDATE metrics SET value = 11.0 WHERE key = 'probe/top1' AND step = 1 AND run_uuid = ?", run_id)
    for _ in range(2):
        assert problems(migrate(source, target_uri)) == [
            "metric probe/top1, step 1: 10.0 at 1700000001000 in the source, 11.0 at 1700000001000 there"
        ]


@pytest.mark.slow
def test_a_lost_point_a_param_a_tag_and_a_file_are_missed(
    source: MlflowTracker, target_uri: str, tmp_path: Path
) -> None:
    migrate(source, target_uri)
    ids = {name: run.info.run_id for name, run in runs_of(target_uri).items()}
    edit(target_uri, "DELETE FROM metrics WHERE key = 'probe/top1' AND step = 2 AND run_uuid = ?", ids["seed 0"])
    edit(target_uri, "UPDATE params SET value = '0.9' WHERE run_uuid = ?", ids["seed 1"])
    edit(target_uri, "UPDATE tags SET value = 'def' WHERE key = 'git.commit' AND run_uuid = ?", ids["seed 2"])
    (tmp_path / "target/artifacts/momentum" / ids["seed 3"] / "artifacts/scores.parquet").write_bytes(b"no Parquet")
    found = problems(migrate(source, target_uri))
    assert found[0] == "metric probe/top1, step 2: 20.0 at 1700000002000 in the source, absent there"
    assert found[1] == "parameter method.key_momentum: 0.99 in the source, 0.9 there"
    assert found[2] == "tag git.commit: 'abc' in the source, 'def' there"
    assert found[3].startswith("file scores.parquet: ")
    assert len(found) == 4


@pytest.mark.slow
def test_a_damaged_half_copy_never_becomes_a_result(
    source: MlflowTracker, target_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_power(monkeypatch, source, target_uri, "set_terminated", 2)
    run_id = runs_of(target_uri)["seed 0"].info.run_id
    edit(target_uri, "UPDATE metrics SET value = 11.0 WHERE key = 'probe/top1' AND run_uuid = ?", run_id)
    assert len(problems(migrate(source, target_uri))) == 1
    trials = MlflowTracker(target_uri).load_trials().set_index("trial_key")
    assert trials.loc["done", "status"] == "running"


@pytest.mark.slow
def test_a_result_of_the_targets_own_stands(
    source: MlflowTracker, target_uri: str, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    there = MlflowTracker(target_uri)
    there.open_study(study)
    there.record_trial(make_trial("done", name="theirs"), [make_epoch(1, loss=0.7)], Outcome(TrialStatus.FINISHED))
    there.record_trial(make_trial("flat", 1, name="theirs too"), [make_epoch(1)], Outcome(TrialStatus.FAILED))
    outcomes = migrate(source, target_uri)
    assert problems(outcomes) == []
    kept = {outcome.step.name for outcome in outcomes if outcome.step.action is Action.KEEP}
    assert kept == {"momentum/digits", "momentum/digits, seed 0"}
    trials = MlflowTracker(target_uri).load_trials().set_index("trial_key")
    assert trials.loc["done", ["name", "pretrain/loss"]].to_list() == ["theirs", 0.7]
    assert trials.loc["flat", ["name", "status"]].to_list() == ["seed 1", "collapsed"]


@pytest.mark.slow
def test_a_trial_that_still_runs_is_left_out_until_it_ends(
    source: MlflowTracker, target_uri: str, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    source.open_study(study)
    source.open_trial(make_trial("late", 4))
    source.log_epochs("late", [make_epoch(1)])
    assert Action.LEAVE in actions(migrate(source, target_uri))
    there = MlflowTracker(target_uri).load_trials()
    assert "late" not in set(there["trial_key"])
    assert runs_of(target_uri)["momentum/digits"].info.status == "KILLED"

    source.log_epochs("late", [make_epoch(2)])
    source.close_trial("late", Outcome(TrialStatus.FINISHED))
    outcomes = migrate(source, target_uri)
    assert problems(outcomes) == []
    assert MlflowTracker(target_uri).load_trials()["status"].value_counts()["finished"] == 2


@pytest.mark.slow
def test_a_trial_that_went_on_since_is_copied_beside_its_old_copy(
    source: MlflowTracker, target_uri: str, study: StudyRecord, make_trial: MakeTrial, make_epoch: MakeEpoch
) -> None:
    migrate(source, target_uri)
    source.open_study(study)
    source.open_trial(make_trial("cut", 3))
    source.log_epochs("cut", [make_epoch(number) for number in (1, 2, 3, 4)])
    source.close_trial("cut", Outcome(TrialStatus.FINISHED))
    outcomes = migrate(source, target_uri)
    copied = {outcome.step.name for outcome in outcomes if outcome.step.action is Action.COPY}
    assert (problems(outcomes), copied) == ([], {"momentum/digits, seed 3"})
    assert actions(migrate(source, target_uri)) == {Action.CHECK, Action.KEEP}
    for mine, theirs in zip(frames(source.uri), frames(target_uri), strict=True):
        pd.testing.assert_frame_equal(mine, theirs, check_exact=True)


@pytest.mark.slow
def test_limits_of_the_store_are_kept(
    source: MlflowTracker, target_uri: str, study: StudyRecord, make_trial: MakeTrial
) -> None:
    source.open_study(study)
    params = {f"section.setting_{index}": "x" for index in range(150)}
    epochs = [EpochResult(epoch, 1.0 * epoch, {f"m/{i}": i / 7 for i in range(400)}) for epoch in (1, 2, 3)]
    source.record_trial(make_trial("large", 5, params=params), epochs, Outcome(TrialStatus.FINISHED))
    outcomes = {outcome.step.name: outcome for outcome in migrate(source, target_uri)}
    large = outcomes["momentum/digits, seed 5"]
    # Every metric of every epoch, and whether it collapsed.
    assert (large.content.num_points, len(large.content.params), large.problems) == (3 * 400 + 1, 150, ())


def test_a_plan_creates_nothing(source: MlflowTracker, tmp_path: Path) -> None:
    steps = Migration(source.uri, default_tracking_uri(tmp_path / "new")).plan()
    assert {step.action for step in steps} == {Action.COPY}
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("target", "artifacts", "reason"),
    [
        ("ftp://host", None, "must start with http://, https://, sqlite:/// or postgresql://, but got 'ftp://host'"),
        ("http://ann:secret@host", "/data", r"decides itself where files go, but got --artifacts /data"),
        ("postgresql://ann:secret@host/db", None, "needs the folder of its files"),
        ("itself", None, "must be another store than its source"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_read(
    store_uri: str, target: str, artifacts: str | None, reason: str
) -> None:
    with pytest.raises(TrackingError, match=reason) as caught:
        Migration(store_uri, store_uri if target == "itself" else target, artifacts)
    assert "secret" not in str(caught.value)


def test_a_source_that_is_not_there_is_not_created(tmp_path: Path, target_uri: str) -> None:
    with pytest.raises(TrackingError, match=r"must be a SQLite store that is there, but got sqlite:.*--source"):
        Migration(default_tracking_uri(tmp_path / "nowhere"), target_uri)
    assert not (tmp_path / "nowhere").exists()
