"""The work of the ranks in test_launch.py; a file of its own, because their processes import it."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ftlab.ranks.exchange import Ranks


def exchange(ranks: Ranks, device: torch.device) -> Iterator[dict[str, Any]]:
    """Yield what each exchange gives rank 0, and then what it gives the last rank."""
    own = torch.tensor([[ranks.rank, 1.0], [10.0 * ranks.rank, 2.0]])
    layer = nn.Conv2d(2, 3, 2).to(memory_format=torch.channels_last)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.fill_(ranks.rank + 1.0)
    for parameter in layer.parameters():
        parameter.grad = torch.arange(parameter.numel()).view(parameter.shape) * (ranks.rank + 1.0)
        parameter.grad = (
            parameter.grad.to(memory_format=torch.channels_last) if parameter.dim() == 4 else parameter.grad
        )
    ranks.average_gradients(list(layer.parameters()))
    ranks.follow_first(layer)
    found = {
        "gather": ranks.gather(own),
        "gather of columns": ranks.gather(own.T),
        "sum": ranks.sum(torch.tensor([ranks.rank, 5])),
        "mean": ranks.mean(own.double()),
        "gradients": [parameter.grad.tolist() for parameter in layer.parameters()],
        "values": {value.item() for parameter in layer.parameters() for value in parameter.flatten()},
        "threads": torch.get_num_threads(),
    }
    yield found
    # The last rank's view of the same, through rank 0, which alone is heard.
    yield {name: ranks.gather(found[name][None])[-1] for name in ("gather", "gather of columns", "sum", "mean")}


def fail_in_rank_1(ranks: Ranks, device: torch.device) -> Iterator[None]:
    """Raise in one rank while the other waits for it."""
    if ranks.rank == 1:
        raise LookupError("no such thing")
    ranks.gather(torch.zeros(1))
    yield


def hang(ranks: Ranks, device: torch.device) -> Iterator[int]:
    """Tell who is there, and never come back from an exchange."""
    yield from ranks.gather(torch.tensor([os.getpid()])).tolist()
    if ranks.rank == 1:
        time.sleep(3600.0)
    ranks.gather(torch.zeros(1))


def start_and_hang(folder: str) -> None:
    """Start ranks that hang, and leave a file for each."""
    from ftlab.ranks.launch import train_in_ranks

    for pid in train_in_ranks(hang, 2, torch.device("cpu")):
        (Path(folder) / str(pid)).touch()
