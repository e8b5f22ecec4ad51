import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pandas as pd
import pytest

from ftlab.tracking.mlflow.copying import Migration
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.records import HistoryPart, Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.tracking.tracker import load_history
from ftlab.tracking.tracking_uri import default_tracking_uri
from ftlab.training.epoch_result import EpochResult

pytestmark = pytest.mark.slow


@pytest.fixture
def server_uri(tmp_path: Path) -> Iterator[str]:
    """A real MLflow server that keeps files itself, on a free port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{tmp_path}/server.db", "--artifacts-destination", f"{tmp_path}/kept"]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=log)
    uri = f"http://127.0.0.1:{port}"
    wait_for(uri, process)
    yield uri
    process.terminate()
    process.wait(30)


def wait_for(uri: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            urlopen(f"{uri}/health").close()  # noqa: S310 - an address of this machine
        except URLError:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.2)
        else:
            return


def test_a_history_moves_to_a_server(server_uri: str, tmp_path: Path) -> None:
    source = MlflowTracker(default_tracking_uri(tmp_path / "laptop"))
    source.open_study(StudyRecord("momentum", "momentum/digits"))
    for seed in range(3):
        epochs = [
            EpochResult(
                epoch, 1.7e9 + epoch, {"pretrain/loss": 1 / (3 * epoch), "probe/top1": float("nan")}, {"s": [1, 2]}
            )
            for epoch in range(1, 51)
        ]
        trial = TrialRecord(f"key{seed}", "cell", seed, "momentum/digits", f"seed {seed}", {"a.b": "0.1"})
        source.record_trial(trial, epochs, Outcome(TrialStatus.FINISHED))
    (tmp_path / "results" / "figures").mkdir(parents=True)
    (tmp_path / "results" / "figures" / "curves.pdf").write_bytes(bytes(range(256)))
    source.close_study("momentum/digits", description="# A table", artifacts=tmp_path / "results", complete=True)

    for _ in range(2):
        migration = Migration(source.uri, server_uri)
        outcomes = list(migration.run(migration.plan()))
        assert [outcome.problems for outcome in outcomes] == [()] * 4
    target = MlflowTracker(server_uri)
    mine, theirs = source.load_trials(), target.load_trials()
    pd.testing.assert_frame_equal(mine.drop(columns="run_id"), theirs.drop(columns="run_id"), check_exact=True)
    for part in HistoryPart:
        keys = list(mine["trial_key"])
        pd.testing.assert_frame_equal(load_history(source, keys, part), load_history(target, keys, part))
    assert len(list((tmp_path / "kept").rglob("scores.parquet"))) == 3
