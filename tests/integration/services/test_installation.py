"""A team's installation on one machine: PostgreSQL, MLflow behind its door, Ray with its token, Prometheus."""

import subprocess
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from loopback import basic_auth, status_of, wait_until
from ray_nodes import RAY
from store_audit import audit_store, trial_runs
from tracking_server import RUNS_API, USER

from ftlab.workers.metrics import METRIC_NAMES

pytestmark = [pytest.mark.services, pytest.mark.timeout(2400)]

NUM_CELLS = 9  # of experiments/momentum.yaml
EPOCHS = 20
SHORT = {"EXP": "momentum", "SEEDS": 1, "SET": f"train.epochs={EPOCHS}"}
NUM_SEEDS = 4
# Outlasts two outages, 90 s in all, and what is to be delivered after them.
LONG = {"EXP": "momentum", "SEEDS": NUM_SEEDS}


@pytest.fixture(scope="module")
def swept(installation: Any) -> str:
    """The output of a short sweep."""
    command = installation.checkout.start("sweep", **SHORT)
    assert command.wait() == 0, command.output
    return str(command.output)


def tables(installation: Any) -> list[Path]:
    return list((installation.checkout.folder / "results").rglob("table.csv"))


def test_a_sweep_fills_the_table_from_the_store(installation: Any, swept: str) -> None:
    assert f"[{NUM_CELLS}/{NUM_CELLS}]" in swept
    assert audit_store(installation.client, installation.home / "trials").is_clean
    assert len(trial_runs(installation.client)) == NUM_CELLS
    (table,) = tables(installation)
    written = table.read_bytes()
    assert list(pd.read_csv(table)["n"]) == [1] * NUM_CELLS
    table.unlink()
    again = installation.checkout.start("table", **SHORT)
    assert again.wait() == 0, again.output
    assert table.read_bytes() == written


def test_artifacts_go_through_the_server(installation: Any, swept: str) -> None:
    stored = {path.name for path in installation.tracking.artifacts.rglob("*") if path.is_file()}
    assert {"scores.parquet", "table.csv", "plan.json"} <= stored
    assert not list((installation.home / "artifacts").rglob("*.parquet"))


def test_prometheus_has_seen_the_sweep(installation: Any, swept: str) -> None:
    monitoring = installation.monitoring
    for name in METRIC_NAMES:
        assert monitoring.query(f"last_over_time({name}[1h])"), name

    def highest(metric: str) -> float:
        return float(monitoring.value(f"max_over_time({metric}[1h])"))

    assert highest('ftlab_trials_finished_total{experiment="momentum"}') == NUM_CELLS
    assert highest('ftlab_epochs_trained_total{experiment="momentum"}') == NUM_CELLS * EPOCHS
    assert highest("ftlab_epoch_seconds_count") == NUM_CELLS * EPOCHS
    assert 1 <= highest('ftlab_trials{state="running"}') <= 4
    assert monitoring.value('last_over_time(ftlab_trials{state="running"}[1h])') == 0
    assert highest("ftlab_tracker_spool_records") > 0
    assert highest("process_resident_memory_bytes") > 50e6


def test_mlflow_lets_in_who_has_the_password_and_names_it_rightly(installation: Any) -> None:
    url, door = installation.tracking.uri + RUNS_API, basic_auth(USER, installation.tracking.password)
    assert status_of(url, door) == 200
    assert status_of(url) == 401
    assert status_of(url, basic_auth(USER, "password1234")) == 401  # MLflow's default
    assert status_of(installation.tracking.uri) == 401
    assert status_of(url, {**door, "Host": "evil.example"}) == 403


def test_a_sweep_without_the_password_is_told_so(installation: Any) -> None:
    stranger = {**installation.checkout.environment}
    del stranger["MLFLOW_TRACKING_PASSWORD"]
    installation.checkout.environment, own = stranger, installation.checkout.environment
    command = installation.checkout.start("sweep", **SHORT)
    installation.checkout.environment = own
    assert command.wait() != 0
    assert "the MLflow store must answer, but http://127.0.0.1" in command.output
    assert "401" in command.output
    assert "Traceback" not in command.output


@pytest.mark.parametrize("token", [None, "f" * 64], ids=["without a token", "with another token"])
def test_ray_refuses_strangers(token: str | None, installation: Any, tmp_path: Path) -> None:
    stranger = {**installation.checkout.environment, "HOME": str(tmp_path), "RAY_AUTH_MODE": "disabled"}
    del stranger["RAY_AUTH_TOKEN_PATH"]
    if token is not None:
        stranger |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    command = [RAY, "status", f"--address={installation.nodes.address}"]
    known = subprocess.run(command, env=installation.checkout.environment, capture_output=True, text=True, check=True)
    assert "1 node_" in known.stdout
    refused = subprocess.run(command, env=stranger, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "node_" not in refused.stdout
    assert "nauthenticated" in refused.stderr


def test_secrets_are_in_no_record(installation: Any, swept: str) -> None:
    own_files = {installation.nodes.token, installation.tracking.settings}
    files = [path for path in installation.folder.rglob("*") if path.is_file() and path not in own_files]
    files += [installation.database.log, *installation.nodes.logs]
    for name, secret in installation.secrets.items():
        telling = [path for path in files if secret.encode() in path.read_bytes()]
        assert telling == [], name
        for run in trial_runs(installation.client):
            assert secret not in str({**run.data.params, **run.data.tags}), name


def test_outages_of_the_store_cost_nothing(installation: Any) -> None:
    journal, monitoring = installation.home / "trials", installation.monitoring
    before = set(journal.glob("*.jsonl"))
    command = installation.checkout.start("sweep", **LONG)
    wait_until(lambda: "first epoch" in command.output or not command.is_running)
    installation.database.stop()
    time.sleep(30.0)
    installation.database.start()
    waiting = monitoring.value("ftlab_tracker_spool_records")
    assert waiting > 0
    wait_until(lambda: monitoring.value("ftlab_tracker_spool_records") < waiting / 2)
    assert command.is_running, command.output
    installation.tracking.kill()
    time.sleep(60.0)
    assert command.is_running, command.output
    installation.tracking.start()
    assert command.wait() == 0, command.output
    assert "could not be recorded" not in command.output
    num_trials = NUM_CELLS * NUM_SEEDS
    assert f"[{num_trials}/{num_trials}]" in command.output
    audit = audit_store(installation.client, journal)
    assert audit.is_clean, audit
    assert len({*journal.glob("*.jsonl")} - before) == num_trials
