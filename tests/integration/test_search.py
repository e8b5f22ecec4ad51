"""A search with real processes: killed while it trains, and continued."""

from collections.abc import Callable
from typing import Any

import optuna
import pandas as pd
import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

MakeLaboratory = Callable[..., Any]

STUDY = "look/tiny"
SEARCH: dict[str, Any] = {
    "trials": 6,
    "early_stopping": {"grace": 0.25, "reduction_factor": 2},
    "overrides": {"transform.positives": "extrapolate"},
    "enqueue": [{"name": "hand-made", "set": {"transform.start": 0.5}}],
    "space": {
        "transform.start": {"kind": "float", "low": 0.0, "high": 0.75, "step": 0.25},
        "method.temperature": {"kind": "float", "low": 0.05, "high": 0.5, "scale": "log"},
    },
}


@pytest.fixture
def laboratory(make_laboratory: MakeLaboratory) -> Any:
    laboratory = make_laboratory(epochs=16)
    laboratory.write_experiment("look", **SEARCH)
    return laboratory


def search(laboratory: Any) -> Any:
    command = laboratory.start("search", "look", "--cpus", "2")
    assert command.wait() == 0, command.out + command.err
    return command


def told(laboratory: Any) -> pd.DataFrame:
    """trials.csv without what a kill leaves behind."""
    rows = pd.read_csv(laboratory.results / STUDY / "trials.csv", dtype={"trial_keys": str})
    return rows[~rows["status"].isin(["interrupted", "repeated"])]


def assert_every_trial_ended_once(laboratory: Any) -> None:
    for events in laboratory.journal().values():
        assert sum(event in ("finished", "collapsed") for event in events) <= 1
        assert [event for event in events if event in ("finished", "collapsed", "pruned")] == events[-1:]
    assert {run.info.status for run in laboratory.trial_runs()} <= {"FINISHED", "KILLED"}
    rows = told(laboratory)
    assert len(rows) == rows["trial_keys"].nunique() == 6
    study = optuna.load_study(study_name=STUDY, storage=f"sqlite:///{laboratory.home}/optuna.db")
    assert all(trial.state.is_finished() for trial in study.get_trials())
    assert laboratory.left_behind() == []


def test_a_search_finds_a_configuration_as_good_as_the_known_one(laboratory: Any) -> None:
    search(laboratory)
    assert_every_trial_ended_once(laboratory)
    rows = told(laboratory).set_index("name")
    value = rows["probe/few_shot_top1"]
    assert value.max() >= value["hand-made"] > 0
    files = laboratory.files(STUDY)
    assert yaml.safe_load(files["best.yaml"])["baseline"] == "hand-made"
    assert {"importance.csv", "importance.png", "history.png"} <= set(files)
    again = search(laboratory)
    assert "6 configurations: 6 evaluated, 0 to evaluate" in again.out
    assert "first epoch" not in again.out
    assert laboratory.files(STUDY) == files


def test_a_search_that_is_killed_trains_no_finished_trial_again(laboratory: Any) -> None:
    for awaited in ("first epoch", r"\[1/", r"\[1/"):
        command = laboratory.start("search", "look", "--cpus", "2")
        command.wait_for(awaited)
        command.process.kill()
        command.wait()
    ended = {key for key, events in laboratory.journal().items() if {"finished", "collapsed"} & set(events)}
    search(laboratory)
    assert_every_trial_ended_once(laboratory)
    assert ended <= set(told(laboratory)["trial_keys"])


def test_a_recorded_trial_is_answered_from_the_store(laboratory: Any) -> None:
    laboratory.write_experiment("table", seeds=1, overrides=SEARCH["overrides"], grid={"transform.start": [0.5]})
    laboratory.sweep("table")
    command = search(laboratory)
    assert "1 trials were recorded already and are not trained again" in command.out
    assert_every_trial_ended_once(laboratory)
