"""A cluster of three nodes, as three raylets on this machine, with its checkpoints in an object store."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ftlab.storage.location import open_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

MakeLaboratory = Callable[..., Any]

EPOCHS = 24
NUM_TRIALS = 12
EXPERIMENT = {"seeds": 4, "grid": {"method.key_momentum": [0.9, 0.5, 0.99]}, "baseline": "key_momentum=0.9"}
STUDY = "exp/tiny"
RAY = str(Path(sys.executable).with_name("ray"))


class Cluster:
    """Nodes of one core each; what a node makes for itself lies in a folder of its own.

    Args:
        folder: Where the nodes' folders, logs and the token are.
        environment: What the processes of every node see.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.token = folder / "token"
        self._environment = {**environment, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.token)}
        # Ray's sockets lie below it, and the path of a socket has at most 107 characters.
        self._temporary = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
        self.address = f"127.0.0.1:{free_port()}"
        self._nodes: list[subprocess.Popen[bytes]] = []

    def start(self, num_nodes: int) -> None:
        """Start the head and the other nodes, and wait until all are there."""
        self.token.write_text("0123456789abcdef" * 4)
        port = self.address.partition(":")[2]
        self._add_node("--head", f"--port={port}", f"--temp-dir={self._temporary}", "--include-dashboard=false")
        self._wait_for_nodes(1)
        for number in range(1, num_nodes):
            self._add_node(f"--address={self.address}")
            self._wait_for_nodes(number + 1)

    def node(self, number: int) -> Path:
        """Return the folder of a node."""
        return self.folder / f"node-{number}"

    def kill_node(self, number: int) -> None:
        """Kill every process of a node at once, as a power cut does."""
        for pid in self._processes(number):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End all nodes."""
        for number, node in reversed(list(enumerate(self._nodes))):
            while self._processes(number):
                self.kill_node(number)
            node.wait()
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _add_node(self, *arguments: str) -> None:
        folder = self.node(len(self._nodes))
        command = [RAY, "start", "--block", "--node-ip-address=127.0.0.1", "--num-cpus=1", "--num-gpus=0"]
        command += ["--object-store-memory=100000000", "--disable-usage-stats"]
        command += ["--min-worker-port=0", "--max-worker-port=0"]
        with folder.with_suffix(".log").open("wb") as log:
            node = subprocess.Popen(
                [*command, *arguments],
                cwd=self.folder,
                env={**self._environment, "FTLAB_CACHE": str(folder)},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._nodes.append(node)

    def _wait_for_nodes(self, number: int, seconds: float = 90.0) -> None:
        deadline = time.monotonic() + seconds
        while self._count_nodes() < number:
            alive = self._nodes[number - 1].poll() is None and time.monotonic() < deadline
            assert alive, self.node(number - 1).with_suffix(".log").read_text()
            time.sleep(0.5)

    def _count_nodes(self) -> int:
        command = [RAY, "status", f"--address={self.address}"]
        status = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False).stdout
        return status.count(" 1 node_")

    def _processes(self, number: int) -> list[int]:
        mark = f"FTLAB_CACHE={self.node(number)}".encode()
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                # Ray's helpers overwrite their environment with a title; they end with their raylet.
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append(int(process.name))
        return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def undisturbed(make_laboratory: MakeLaboratory) -> pd.DataFrame:
    """trials.csv of a sweep on this machine alone that nothing disturbed."""
    laboratory = make_laboratory(EPOCHS)
    laboratory.write_experiment("exp", **EXPERIMENT)
    laboratory.sweep("exp")
    frame: pd.DataFrame = laboratory.trials(STUDY)
    return frame


@pytest.fixture
def laboratory(make_laboratory: MakeLaboratory, object_store: Any) -> Any:
    laboratory = make_laboratory(EPOCHS)
    laboratory.write_experiment("exp", **EXPERIMENT)
    laboratory.surroundings = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "OMP_NUM_THREADS": "1",
        "FTLAB_HOME": object_store.make_location(credentials=""),
        "FTLAB_CACHE": str(laboratory.home),
    }
    return laboratory


@pytest.fixture
def cluster(laboratory: Any) -> Iterator[Cluster]:
    """Three nodes that know the store's keys and nothing else of the driver."""
    cluster = Cluster(laboratory.folder, laboratory.environment)
    try:
        cluster.start(3)
        laboratory.surroundings |= {
            "RAY_ADDRESS": cluster.address,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(cluster.token),
        }
        yield cluster
    finally:
        cluster.close()


def wait_until(condition: Callable[[], object], seconds: float = 180.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_sweep_spreads_over_the_nodes_and_survives_the_loss_of_one(
    laboratory: Any, cluster: Cluster, undisturbed: pd.DataFrame
) -> None:
    checkpoints = open_folder(laboratory.surroundings["FTLAB_HOME"].replace("s3://", "s3://key:secret@"), "checkpoints")
    command = laboratory.start_sweep("exp")
    # A node has its cache once a trial of its own begins.
    wait_until(lambda: all(list(cluster.node(number).glob("cache/*/meta.json")) for number in range(3)))
    wait_until(lambda: checkpoints.names())
    assert f"[{NUM_TRIALS}/" not in command.out
    cluster.kill_node(2)
    assert command.wait(600.0) == 0, command.out + command.err
    assert "failed" not in command.out
    assert [run.info.status for run in laboratory.runs()] == ["FINISHED"] * (NUM_TRIALS + 1)
    assert len({run.data.tags["ftlab.trial_key"] for run in laboratory.trial_runs()}) == NUM_TRIALS
    journal = laboratory.journal()
    assert len(journal) == NUM_TRIALS
    for events in journal.values():
        assert [event for event in events if event in ("finished", "collapsed")] == events[-1:]
    assert max(events.count("trial") for events in journal.values()) > 1, "no trial had to move to another node"
    pd.testing.assert_frame_equal(laboratory.trials(STUDY), undisturbed)
    assert checkpoints.names() == []
    assert sorted(path.name for path in laboratory.home.iterdir()) == [
        "artifacts",
        "cache",
        "locks",
        "mlflow.db",
        "mlflow.db.lock",
        "ray",
        "trials",
    ]


def test_a_node_with_other_code_is_refused_before_anything_is_computed(
    laboratory: Any, cluster: Cluster, tmp_path: Path
) -> None:
    package = tmp_path / "other" / "ftlab"
    shutil.copytree(Path(__file__).parents[2] / "platform" / "ftlab", package)
    source = package / "models" / "moco.py"
    source.write_text(f"{source.read_text()}# other\n")
    laboratory.surroundings["PYTHONPATH"] = str(package.parent)
    command = laboratory.start_sweep("exp")
    assert command.wait() == 1
    assert "Every node must have the driver's version of ftlab and its packages, but there is ftlab code" in command.err
    assert "first epoch" not in command.out


def test_a_client_of_ray_is_told_what_to_use_instead(laboratory: Any) -> None:
    laboratory.surroundings["RAY_ADDRESS"] = "ray://127.0.0.1:10001"
    command = laboratory.start_sweep("exp")
    assert command.wait() == 1
    assert "from elsewhere use `ray job submit`" in command.err
