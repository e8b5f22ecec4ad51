"""The ranks of a torch process group: NCCL between GPUs, gloo between CPU processes."""

import io
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ftlab.ranks.exchange import Ranks, Stateful

# Ranks wait for the first one while it probes. The process that started a rank notices its death at once.
TIMEOUT = timedelta(hours=2)


class ProcessRanks(Ranks):
    """One rank of the default process group.

    Gradients are averaged in one piece after the backward pass, and not in buckets during it, as
    DistributedDataParallel does. The contents of its buckets depend on what the process trained before, and so does,
    from three ranks on, the order in which gradients are added: a resumed trial would not equal, bit for bit, one that
    never stopped. There is also no wrapper that shows in checkpoints, compiled encoders and probes. The disadvantage is
    that no computation hides the traffic of gradients.

    Args:
        rank: This process, 0 <= rank < size.
        size: Number of processes.
        device: Device of this rank's tensors.
        rendezvous: File, not there yet, through which the ranks of this machine find each other.
    """

    def __init__(self, rank: int, size: int, *, device: torch.device, rendezvous: Path) -> None:
        self.rank = rank
        self.size = size
        self.device = device
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            init_method=f"file://{rendezvous}",
            rank=rank,
            world_size=size,
            timeout=TIMEOUT,
        )

    def gather(self, rows: Tensor) -> Tensor:
        """Return the (W * n, ...) rows of all ranks, in their order, from each rank's (n, ...)."""
        gathered = rows.new_empty((self.size * rows.shape[0], *rows.shape[1:]))
        dist.all_gather_into_tensor(gathered, rows.contiguous())
        return gathered

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over the ranks, entry by entry."""
        total = values.clone()
        dist.all_reduce(total)
        return total

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over the ranks, entry by entry."""
        return self.sum(values) / self.size

    @torch.no_grad()
    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace the gradient of each parameter by its mean over the ranks."""
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        # flatten() and not the memory's own order, which channels-last layout changes.
        averages = self.mean(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = torch.split(averages, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            # In place: fused SGD takes it that gradient and weight have the same memory order, and does not ask.
            gradient.copy_(part.view(gradient.shape))

    def follow_first(self, stateful: Stateful) -> None:
        """Make every rank take over the state of rank 0."""
        content: list[Any] = [None]
        if self.rank == 0:
            buffer = io.BytesIO()
            torch.save(stateful.state_dict(), buffer)
            content = [buffer.getvalue()]
        dist.broadcast_object_list(content, src=0, device=self.device)
        if self.rank != 0:
            state = torch.load(io.BytesIO(content[0]), map_location=self.device, weights_only=True)  # noqa: TID251 - ours
            stateful.load_state_dict(state)

    def leave(self) -> None:
        """Leave the group; every rank does when all are done."""
        dist.destroy_process_group()
