"""Faults that must not lose results: sweeps that are killed, interrupted, cut off from their store, or run twice."""

import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pandas as pd
import pytest
from checkout import trained_rows
from small_disk import filled, mounted

from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.records import HistoryPart, Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.tracking.tracker import load_history
from ftlab.training.epoch_result import EpochResult

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

MakeLaboratory = Callable[..., Any]

EPOCHS = 16
EXPERIMENT = {"seeds": 2, "grid": {"method.key_momentum": [0.9, 0.5]}, "baseline": "key_momentum=0.9"}
STUDY = "exp/tiny"
RESULTS = ("finished", "collapsed")


@pytest.fixture
def laboratory(make_laboratory: MakeLaboratory) -> Any:
    laboratory = make_laboratory(EPOCHS)
    laboratory.write_experiment("exp", **EXPERIMENT)
    return laboratory


@pytest.fixture(scope="module")
def undisturbed(make_laboratory: MakeLaboratory) -> pd.DataFrame:
    """trials.csv of a sweep that nothing disturbed, without what names the run."""
    laboratory = make_laboratory(EPOCHS)
    laboratory.write_experiment("exp", **EXPERIMENT)
    laboratory.sweep("exp")
    assert laboratory.left_behind() == []
    trials: pd.DataFrame = laboratory.trials(STUDY)
    return trials


def assert_nothing_was_lost(laboratory: Any, undisturbed: pd.DataFrame) -> None:
    """Every trial is recorded once, none is left running, none was trained after its end, and no number moved."""
    statuses = [run.info.status for run in laboratory.runs()]
    assert statuses == ["FINISHED"] * 5
    assert len({run.data.tags["ftlab.trial_key"] for run in laboratory.trial_runs()}) == 4
    for events in laboratory.journal().values():
        assert [event for event in events if event in RESULTS] == events[-1:]
    for run in laboratory.trial_runs():
        assert run.data.metrics["knn/top1"] > 0
    pd.testing.assert_frame_equal(laboratory.trials(STUDY), undisturbed)
    assert laboratory.left_behind() == []


@pytest.mark.parametrize("seed", [0, 1])
def test_a_sweep_that_is_killed_again_and_again_loses_nothing(
    seed: int, laboratory: Any, undisturbed: pd.DataFrame
) -> None:
    moments = random.Random(seed)  # noqa: S311 - the same moments each time
    for awaited in (None, "first epoch", r"\[1/", r"\[1/"):
        command = laboratory.start_sweep("exp")
        if awaited is not None:
            command.wait_for(awaited)
        time.sleep(moments.uniform(0.0, 3.0) if awaited else moments.uniform(2.0, 15.0))
        command.process.kill()
        assert command.wait() in (-signal.SIGKILL, 0)
        # The next sweep starts beside what is still dying.
    laboratory.sweep("exp")
    assert_nothing_was_lost(laboratory, undisturbed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_an_interrupted_sweep_says_how_to_go_on(
    number: signal.Signals, laboratory: Any, undisturbed: pd.DataFrame
) -> None:
    command = laboratory.start_sweep("exp")
    command.wait_for("first epoch")
    time.sleep(1.0)
    if number is not signal.SIGTERM:
        command.send_to_group(number)  # as a terminal does
    else:
        command.process.send_signal(number)
    assert command.wait(120.0) == 130
    assert "Stopped. Finished work is kept; to continue: make sweep EXP=exp PROFILE=tiny SEEDS=2" in command.out
    assert "Traceback" not in command.err
    assert laboratory.left_behind() == []
    assert "RUNNING" not in [run.info.status for run in laboratory.runs()]
    assert "KILLED" in [run.info.status for run in laboratory.trial_runs()]
    again = laboratory.sweep("exp")
    assert "0 resumed" not in again.out
    assert_nothing_was_lost(laboratory, undisturbed)


@pytest.mark.parametrize("seconds", [0.0, 2.0, 5.0])
def test_a_sweep_that_is_interrupted_while_it_starts_leaves_nothing_running(seconds: float, laboratory: Any) -> None:
    command = laboratory.start_sweep("exp")
    laboratory.wait_for_lock()
    time.sleep(seconds)
    command.send_to_group(signal.SIGINT)
    assert command.wait(120.0) == 130
    assert "Traceback" not in command.err
    assert laboratory.left_behind() == []
    assert "RUNNING" not in [run.info.status for run in laboratory.runs()]


def test_a_worker_that_dies_costs_an_epoch(laboratory: Any, undisturbed: pd.DataFrame) -> None:
    command = laboratory.start_sweep("exp")
    command.wait_for("first epoch")
    os.kill(laboratory.workers()[0], signal.SIGKILL)
    assert command.wait() == 0
    assert "failed" not in command.out
    assert_nothing_was_lost(laboratory, undisturbed)


def test_a_trial_that_fails_by_accident_is_tried_again_by_the_next_command(
    make_laboratory: MakeLaboratory, undisturbed: pd.DataFrame
) -> None:
    laboratory = make_laboratory(EPOCHS, max_failures=0)
    laboratory.write_experiment("exp", **EXPERIMENT)
    command = laboratory.start_sweep("exp")
    command.wait_for("first epoch")
    os.kill(laboratory.workers()[0], signal.SIGKILL)
    assert command.wait() == 1
    assert command.out.count(": failed, ") == 1
    assert "1 trials failed; to try them again: make sweep EXP=exp" in command.err
    assert sorted(laboratory.trials(STUDY)["status"] == "failed") == [False, False, False, True]
    again = laboratory.sweep("exp")
    assert "3 reused" in again.out
    assert_nothing_was_lost(laboratory, undisturbed)


def test_a_trial_that_diverges_is_shown_as_failed_and_stays_so(laboratory: Any) -> None:
    laboratory.write_experiment("fast", seeds=1, grid={"train.learning_rate": [1e30, 0.03]})
    first = laboratory.sweep("fast")
    assert "learning_rate=1e+30 seed 0: failed, epoch 0 (diverged: the loss must be finite" in first.out
    table = trained_rows(laboratory.results / "fast" / "tiny" / "table.csv")
    assert list(table["n_failed"]) == [1, 0]
    again = laboratory.sweep("fast")
    assert "2 trials: 0 new, 0 resumed, 2 reused" in again.out


def test_two_sweeps_of_a_study_do_not_run_at_once(laboratory: Any) -> None:
    first = laboratory.start_sweep("exp")
    first.wait_for("trials: 4 new")
    second = laboratory.start_sweep("exp")
    assert second.wait() == 1
    assert "one sweep at a time, but exp/tiny is running already" in second.err
    assert first.wait() == 0
    assert [run.info.status for run in laboratory.runs()] == ["FINISHED"] * 5


class Server:
    """An MLflow server on a free port of this machine, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self._port)]
        command += ["--backend-store-uri", f"sqlite:///{self._folder}/server.db", "--workers", "1"]
        command += ["--artifacts-destination", str(self._folder / "artifacts")]
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        deadline = time.monotonic() + 120.0
        while not self._answers():
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.2)

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.uri}/health", timeout=2.0) as answer:  # noqa: S310 - this machine
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.start()
    yield server
    server.kill()


def test_a_server_keeps_the_histories_of_trials(server: Server) -> None:
    # The address is the tracker's alone: nothing in the environment names the server.
    tracker = MlflowTracker(server.uri)
    tracker.open_study(StudyRecord("exp", STUDY))
    epochs = [EpochResult(1, 0.0, {"pretrain/loss": 2.0}, steps={"step": [1, 2], "scores/positive_mean": [0.5, 0.25]})]
    for key, seed in (("a1", 0), ("b2", 1)):
        tracker.record_trial(
            TrialRecord(key, "cell", seed, STUDY, f"seed {seed}", {}), epochs, Outcome(TrialStatus.FINISHED)
        )
    later = MlflowTracker(server.uri)
    assert later.load_trials()["status"].to_list() == ["finished", "finished"]
    assert load_history(later, ["b2"], HistoryPart.STEPS)["value"].to_list() == [0.5, 0.25]


def test_a_store_that_dies_during_a_sweep_costs_no_training(
    laboratory: Any, server: Server, undisturbed: pd.DataFrame
) -> None:
    laboratory.tracking_uri = server.uri
    first = laboratory.start_sweep("exp")
    first.wait_for("first epoch")
    server.kill()
    assert first.wait() == 1
    assert "[4/4]" in first.out
    assert "could not be recorded: the tracking store did not answer" in first.err
    assert "Traceback" not in first.err
    server.start()
    again = laboratory.sweep("exp")
    assert "4 trials: 0 new, 0 resumed, 4 reused" in again.out
    assert_nothing_was_lost(laboratory, undisturbed)


def test_a_store_that_is_not_there_is_named_before_training(laboratory: Any) -> None:
    laboratory.tracking_uri = "http://127.0.0.1:9"
    command = laboratory.start_sweep("exp")
    assert command.wait() == 1
    assert "the MLflow store must answer, but http://127.0.0.1:9 did not" in command.err
    assert "first epoch" not in command.out
    assert laboratory.left_behind() == []


def test_a_full_disk_stops_a_sweep_and_costs_epochs_alone(laboratory: Any, undisturbed: pd.DataFrame) -> None:
    laboratory.tracking_uri = f"sqlite:///{laboratory.folder}/mlflow.db"
    with mounted(laboratory.home, megabytes=24) as is_small:
        if not is_small:
            pytest.skip("mounting a small disk is not allowed")
        command = laboratory.start_sweep("exp")
        command.wait_for("first epoch")
        with filled(laboratory.home):
            assert command.wait() == 1
        assert "[Errno 28] No space left on device. Free some space and run the same command again" in command.err
        assert "Traceback" not in command.err
        laboratory.sweep("exp")
        assert_nothing_was_lost(laboratory, undisturbed)


def test_a_trial_that_hangs_is_ended_and_tried_again(
    make_laboratory: MakeLaboratory, undisturbed: pd.DataFrame
) -> None:
    laboratory = make_laboratory(EPOCHS, epoch_time_limit=4.0)
    laboratory.write_experiment("exp", **EXPERIMENT)
    command = laboratory.start_sweep("exp")
    command.wait_for("first epoch")
    os.kill(laboratory.workers()[0], signal.SIGSTOP)
    assert command.wait() == 0, command.out + command.err
    assert "failed" not in command.out
    assert_nothing_was_lost(laboratory, undisturbed)


def test_a_trial_that_always_hangs_is_shown_as_failed(make_laboratory: MakeLaboratory) -> None:
    # No epoch of that length fits the limit.
    laboratory = make_laboratory(2, epoch_time_limit=0.01, max_failures=0)
    laboratory.write_experiment("exp", seeds=1, grid={"method.key_momentum": [0.9]})
    command = laboratory.start_sweep("exp")
    assert command.wait() == 1
    assert "failed, epoch 0 (no epoch was finished in 0.01 s)" in command.out
    assert [run.info.status for run in laboratory.trial_runs()] == ["FAILED"]


def test_a_trial_that_runs_out_of_memory_is_tried_again_alone_and_stops_no_other(laboratory: Any) -> None:
    large = {"method.queue_size": 100_000_000, "model.feature_dim": 512}  # 200 GB
    laboratory.write_experiment("large", seeds=1, cells=[{"name": "small"}, {"name": "large", "set": large}])
    command = laboratory.start_sweep("large")
    assert command.wait() == 1
    assert re.search(r"large seed 0: failed, epoch 0 \(out of memory, alone on its device: ", command.out), command.err
    assert re.search(r"small seed 0: (finished|collapsed)", command.out)
    events = next(events for events in laboratory.journal().values() if events[-1] == "failed")
    assert events.count("trial") == 2
