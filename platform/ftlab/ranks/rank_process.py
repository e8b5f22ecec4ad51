"""One rank of a trial: a process that trains its part and reports to the process that started it."""

import os
import pickle  # noqa: TID251 - between processes of our own
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event, Thread
from typing import Any, NamedTuple

import torch

from ftlab.ranks.exchange import Ranks
from ftlab.ranks.process_group import ProcessRanks

TrainPart = Callable[[Ranks, torch.device], Iterator[Any]]


class Word(Enum):
    """The messages without content."""

    DONE = auto()  # by a rank: it has trained its part
    LEAVE = auto()  # to a rank: all have


class Report(NamedTuple):
    """A message with a result that rank 0 yielded."""

    content: Any


class Failure(NamedTuple):
    """A message with the error that a rank raised."""

    error: Exception


@dataclass(frozen=True)
class Part:
    """The orders of a rank.

    Attributes:
        train: Called with the ranks and the device of this one; the results that rank 0 yields are reported. It is
            pickled.
        rank: 0 <= rank < size.
        size: Number of ranks.
        device: Device of this rank.
        threads: Threads of torch.
        rendezvous: File through which the ranks find each other.
    """

    train: TrainPart
    rank: int
    size: int
    device: torch.device
    threads: int
    rendezvous: Path


def send(connection: "Connection[Any, Any]", message: Report | Failure | Word | Part) -> None:
    """Send a message; plainly pickled, since `Connection.send` shares the memory of tensors and not their values."""
    connection.send_bytes(pickle.dumps(message))


def receive(connection: "Connection[Any, Any]") -> Any:
    """Return the next message.

    Raises:
        EOFError: The other end is closed.
        OSError: It broke.
    """
    return pickle.loads(connection.recv_bytes())  # noqa: S301 - from a process of our own


def main(descriptor: int) -> None:
    """Train one part: the program of a rank, started with the file descriptor of its end of a pipe."""
    connection: Connection[Any, Any] = Connection(descriptor)
    part: Part = receive(connection)
    may_leave = Event()
    Thread(target=_listen, args=(connection, may_leave), daemon=True).start()
    torch.set_num_threads(part.threads)
    try:
        ranks = ProcessRanks(part.rank, part.size, device=part.device, rendezvous=part.rendezvous)
        for content in part.train(ranks, part.device):
            if part.rank == 0:
                send(connection, Report(content))
    except Exception as error:
        send(connection, Failure(_portable(error, part)))
        # Leaving now would make the other ranks fail too, and hide which error was the first.
        may_leave.wait()
        sys.exit(1)
    send(connection, Word.DONE)
    # Rank 0 probes after the last exchange, and NCCL needs all ranks to leave together.
    may_leave.wait()
    ranks.leave()


def _listen(connection: "Connection[Any, Any]", may_leave: Event) -> None:
    try:
        while receive(connection) is not Word.LEAVE:
            pass
    except (EOFError, OSError):
        # The process that started this one is gone. The main thread may hang in an exchange, so nothing is tidied up.
        os._exit(1)
    may_leave.set()


def _portable(error: Exception, part: Part) -> Exception:
    where = f"in rank {part.rank} of {part.size}:\n{traceback.format_exc()}".rstrip()
    try:
        error = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(where)
    return error
