"""One sweep from the command line to the table, in real processes: Ray, MLflow and all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient
from mlflow.artifacts import list_artifacts
from typer.testing import CliRunner

from ftlab.cli.command_line import app
from ftlab.config.trial import setting_fields

RunHere = Callable[..., str]

EXPERIMENT = {
    "seeds": 2,
    "cells": [{"name": "too fast", "set": {"train.learning_rate": 1e30}}],
    "grid": {"method.key_momentum": [0.9, 0.5]},
    "baseline": "key_momentum=0.9",
}
STUDY = "exp/tiny"


@pytest.fixture(scope="module")
def laboratory(make_laboratory: Callable[..., Any]) -> Any:
    laboratory = make_laboratory()
    laboratory.write_experiment("exp", **EXPERIMENT)
    return laboratory


@pytest.fixture(scope="module", autouse=True)
def first_sweep(laboratory: Any) -> Any:
    """The sweep whose traces the tests look at: three cells, one of which diverges."""
    return laboratory.sweep("exp")


@pytest.fixture
def run_here(laboratory: Any) -> RunHere:
    """Run a command line of the laboratory in this process, which has imported what takes seconds."""

    def run(*arguments: str, results: Path = laboratory.results, **environment: str) -> str:
        command = [*arguments, "--profile", "tiny"]
        if arguments[0] != "plan":
            command += ["--results", str(results)]
        settings = {**laboratory.environment, **environment}
        return str(CliRunner().invoke(app, command, env=settings, catch_exceptions=False).stdout)

    return run


def test_a_sweep_leaves_table_and_figure(laboratory: Any) -> None:
    files = laboratory.files(STUDY)
    assert {"trials.csv", "table.csv", "table.tex", "table.md", "figure.png"} <= set(files)
    assert {"report.html", "provenance.json", "figures/score_curves.png"} <= set(files)
    assert all(files.values())
    trials = pd.read_csv(laboratory.results / STUDY / "trials.csv")
    assert len(trials) == trials["trial_key"].nunique() == 6
    assert sorted(trials["seed"]) == [0, 0, 0, 1, 1, 1]
    assert {"method.key_momentum", "status", "probe/few_shot_top1", "mlflow_run_id"} <= set(trials.columns)
    table = pd.read_csv(laboratory.results / STUDY / "table.csv")
    assert list(table["n_failed"][table["is_floor"] == "no"]) == [2, 0, 0]
    assert list(table["cell"][table["is_floor"] == "yes"]) == ["chance", "raw pixels", "random initialisation"]


def test_the_sweep_prints_its_progress_and_its_table(first_sweep: Any) -> None:
    out = first_sweep.out
    assert "6 trials: 6 new, 0 resumed, 0 reused; 12 epochs to train" in out
    assert "first epoch after" in out
    assert out.count("finished, few-shot top-1") + out.count("collapsed, few-shot top-1") == 4
    assert out.count("failed, epoch 0 (diverged: the loss must be finite") == 2
    assert "[6/6]" in out
    assert "few-shot top-1" in out


def test_the_sweep_complains_about_nothing(first_sweep: Any) -> None:
    assert first_sweep.err == ""


def test_a_parent_run_holds_a_run_a_trial(laboratory: Any) -> None:
    runs = laboratory.runs()
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    trials = laboratory.trial_runs()
    assert len(trials) == 6
    assert {run.data.tags["mlflow.parentRunId"] for run in trials} == {parent.info.run_id}
    assert parent.info.status == "FINISHED"
    assert sorted(run.info.status for run in trials) == ["FAILED", "FAILED", *["FINISHED"] * 4]
    assert "few-shot" in parent.data.tags["mlflow.note.content"]
    attached = {
        artifact.path for artifact in list_artifacts(run_id=parent.info.run_id, tracking_uri=laboratory.tracking_uri)
    }
    assert {
        "table.csv",
        "table.md",
        "figure.png",
        "exp.yaml",
        "profiles-tiny.yaml",
        "cells.yaml",
        "plan.json",
    } <= attached


def test_a_trial_is_recorded_with_settings_provenance_and_few_metrics(laboratory: Any) -> None:
    client = MlflowClient(tracking_uri=laboratory.tracking_uri)
    finished = [run for run in laboratory.trial_runs() if run.info.status == "FINISHED"]
    for run in finished:
        assert {"seed", "data.name", "transform.positives", "transform.negatives"} <= set(run.data.params)
        assert set(setting_fields()) - set(run.data.params) >= {"model.stem", "transform.start", "data.root"}
        assert 5 <= len(run.data.metrics) <= 20
        losses = client.get_metric_history(run.info.run_id, "pretrain/loss")
        assert [metric.step for metric in losses] == [1, 2]
        assert {"git.commit", "hardware.cpu", "version.torch", "data.fingerprint"} <= set(run.data.tags)
    momenta = sorted(json.loads(run.data.params["method.key_momentum"]) for run in finished)
    assert momenta == [0.5, 0.5, 0.9, 0.9]


def test_nothing_is_left_behind(laboratory: Any) -> None:
    assert laboratory.left_behind() == []
    assert list((laboratory.home / "checkpoints").glob("*")) == []
    assert list((laboratory.home / "plans").glob("*")) == []
    assert list((laboratory.home / "ray").glob("*")) == []


def test_the_same_command_trains_nothing_and_leaves_the_same_bytes(laboratory: Any) -> None:
    files, runs = laboratory.files(STUDY), len(laboratory.runs())
    again = laboratory.sweep("exp")
    assert "6 trials: 0 new, 0 resumed, 6 reused" in again.out
    assert again.err == ""
    assert laboratory.files(STUDY) == files
    assert len(laboratory.runs()) == runs


def test_a_deleted_table_is_rebuilt_with_the_same_bytes(laboratory: Any, run_here: RunHere, tmp_path: Path) -> None:
    out = run_here("table", "exp", results=tmp_path)
    assert "not recorded yet" not in out
    assert laboratory.contents(tmp_path / STUDY) == laboratory.files(STUDY)


@pytest.mark.slow
def test_more_seeds_need_the_new_trials_alone(run_here: RunHere) -> None:
    out = run_here("plan", "exp", "--seeds", "4")
    assert "12 trials: 6 new, 0 resumed, 6 reused; 12 epochs to train" in out


@pytest.mark.slow
def test_an_experiment_reuses_the_cells_it_shares_with_another(laboratory: Any, run_here: RunHere) -> None:
    laboratory.write_experiment(
        "other", seeds=2, cells=[{"name": "plain"}, {"name": "cold", "set": {"method.temperature": 0.05}}]
    )
    assert "4 trials: 2 new, 0 resumed, 2 reused" in run_here("plan", "other")


@pytest.mark.slow
def test_a_new_store_is_filled_from_the_journal(laboratory: Any, run_here: RunHere, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    out = run_here("sweep", "exp", results=tmp_path / "results", MLFLOW_TRACKING_URI=uri)
    assert "6 trials: 0 new, 0 resumed, 6 reused" in out
    statuses = sorted(run.info.status for run in laboratory.runs(uri))
    assert statuses == ["FAILED", "FAILED", *["FINISHED"] * 5]
    rebuilt = pd.read_csv(tmp_path / "results" / STUDY / "trials.csv", dtype=str).drop(columns="mlflow_run_id")
    pd.testing.assert_frame_equal(rebuilt, laboratory.trials(STUDY))


def test_the_cells_are_kept_as_yaml(laboratory: Any, tmp_path: Path) -> None:
    (parent,) = [run for run in laboratory.runs() if "mlflow.parentRunId" not in run.data.tags]
    client = MlflowClient(tracking_uri=laboratory.tracking_uri)
    cells = yaml.safe_load(Path(client.download_artifacts(parent.info.run_id, "cells.yaml", str(tmp_path))).read_text())
    assert cells["key_momentum=0.5"]["method.key_momentum"] == 0.5
