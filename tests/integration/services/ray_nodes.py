"""A Ray cluster as several raylets on this machine, which asks for a token."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from loopback import HOST, free_port

RAY = str(Path(sys.executable).with_name("ray"))


class RayNodes:
    """Nodes of one core each, each with its own folder for the files that it makes for itself.

    Args:
        folder: Folder of the nodes' folders, the logs and the token.
        environment: Environment of the processes of every node.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.token = folder / "token"
        # Ray's sockets lie below it, and the path of a socket has at most 107 characters.
        self._temporary = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
        self.address = f"{HOST}:{free_port()}"
        self._environment = {**environment, **self._token_environment}
        self._nodes: list[subprocess.Popen[bytes]] = []

    @property
    def client_environment(self) -> dict[str, str]:
        """Environment variables of a driver."""
        return {"RAY_ADDRESS": self.address, **self._token_environment}

    @property
    def logs(self) -> list[Path]:
        """Files that Ray itself writes: logs of its processes, and what workers print."""
        return [path for path in Path(self._temporary).rglob("logs/**/*") if path.is_file()]

    def start(self, num_nodes: int) -> None:
        """Start the head and the other nodes, and wait until all are there."""
        self.token.touch(mode=0o600)
        self.token.write_text(secrets.token_hex(32))
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

    @property
    def _token_environment(self) -> dict[str, str]:
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.token)}

    def _add_node(self, *arguments: str) -> None:
        folder = self.node(len(self._nodes))
        command = [RAY, "start", "--block", f"--node-ip-address={HOST}", "--num-cpus=1", "--num-gpus=0"]
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
