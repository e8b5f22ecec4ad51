"""Start the ranks of a trial on this machine, receive their reports, and let none outlive the trial."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from ftlab.errors import ConfigError
from ftlab.ranks.rank_process import Failure, Part, Report, TrainPart, Word, receive, send

PROGRAM = "import sys; from ftlab.ranks.rank_process import main; main(int(sys.argv[1]))"
GRACE_SECONDS = 1.0
LEAVE_SECONDS = 30.0


class RankDiedError(RuntimeError):
    """A rank ended without a report: it was killed, or crashed outside Python."""


def train_in_ranks(train: TrainPart, size: int, device: torch.device) -> Iterator[Any]:
    """Run ``train`` in new processes, one a rank, and yield what rank 0 yields.

    This process takes no part in the training. So it notices at once when a rank dies, and it is clean for the next
    trial: no process group or GPU memory is left in it. The ranks end with the generator, or when this process is
    killed. On CUDA, rank r has the r-th GPU that this process sees.

    Args:
        train: Function that trains one rank's part; see `Part.train`.
        size: Number of ranks.
        device: Kind of device that they train on. On the CPU they share the threads of this process.

    Raises:
        ConfigError: There are fewer GPUs than ranks.
        RankDiedError: A rank was killed.
        Exception: The error of the first rank that failed, with a note that names the rank and the place.
    """
    _check_gpus(size, device)
    with TemporaryDirectory(prefix="ftlab-ranks-") as folder, ExitStack() as processes:
        team = []
        for rank in range(size):
            rank_device = torch.device("cuda", rank) if device.type == "cuda" else device
            threads = max(1, torch.get_num_threads() // size)
            part = Part(train, rank, size, rank_device, threads, Path(folder) / "rendezvous")
            team.append(processes.enter_context(_RankProcess(part)))
        yield from _reports(team)


class _RankProcess:
    """A process that trains one part, from `__enter__` to `__exit__` at the latest."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self.name = f"rank {part.rank} of {part.size}"

    def __enter__(self) -> "_RankProcess":
        self.connection: Connection[Any, Any]
        self.connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-c", PROGRAM, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, **_environment(self._part.threads)},
                stdin=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C is for this process, which then ends the ranks
            )
        send(self.connection, self._part)
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.wait()
        self.connection.close()

    def receive(self) -> Report | Failure | Word:
        """Return the rank's next message, or its death as a failure."""
        try:
            message: Report | Failure | Word = receive(self.connection)
        except (EOFError, ConnectionResetError):
            return Failure(RankDiedError(f"{self.name} {self._last_words()}"))
        return message

    def let_leave(self) -> None:
        """Tell the rank that all ranks are done."""
        with suppress(BrokenPipeError):
            send(self.connection, Word.LEAVE)

    def wait(self) -> None:
        """Wait until the rank has left; a trial that is trained does not fail if the rank cannot leave."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LEAVE_SECONDS)

    def _last_words(self) -> str:
        status = self._process.wait()
        return f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def _reports(team: Sequence[_RankProcess]) -> Iterator[Any]:
    working = {process.connection: process for process in team}
    while working:
        for connection in wait(list(working)):
            process = working[connection]  # type: ignore[index] # they are connections, as they were given
            match process.receive():
                case Report(content):
                    yield content
                case Word.DONE:
                    del working[process.connection]
                case Failure(error):
                    raise _first_cause(error, [other for other in team if other is not process])
    for process in team:
        process.let_leave()
    for process in team:
        process.wait()


def _first_cause(error: Exception, others: Sequence[_RankProcess]) -> Exception:
    # A rank whose peer was killed may report its broken connection before the death of the other is noticed.
    connections = {other.connection: other for other in others}
    for connection in wait(list(connections), GRACE_SECONDS):
        match connections[connection].receive():  # type: ignore[index]
            case Failure(RankDiedError() as death):
                return death
    return error


def _environment(threads: int) -> dict[str, str]:
    loopback = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    return {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "OMP_NUM_THREADS": str(threads),
        # Ranks of one machine have no business on its network.
        "GLOO_SOCKET_IFNAME": loopback,
        "NCCL_SOCKET_IFNAME": loopback,
    }


def _check_gpus(size: int, device: torch.device) -> None:
    there = torch.cuda.device_count()
    if device.type == "cuda" and there < size:
        raise ConfigError(
            f"each process of a trial needs a GPU of its own, but got {size} processes and {there} GPUs; "
            f"nearest valid resources.processes_per_trial: {max(1, there)}."
        )
