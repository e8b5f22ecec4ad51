"""The exchange between the processes that train one trial together; a single process exchanges nothing."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


class Stateful(Protocol):
    """Anything with a state that can be saved and restored, such as a trainer."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state: tensors and plain values."""

    def load_state_dict(self, state: Mapping[str, Any], /) -> object:
        """Take over a state."""


class Ranks:
    """The W processes, or ranks, of one trial as one of them sees them; this base class is a single process.

    A batch of N rows is split into W equal parts in a row, one a rank. Every rank draws the same random numbers for all
    N rows and uses its own part of them, so that a trial means the same at every W. What is exchanged has no gradient,
    except in `gather_with_gradient`, and all ranks call the same methods in the same order.

    Attributes:
        rank: This process, 0 <= rank < size; rank 0 probes, writes checkpoints and reports.
        size: W.
    """

    rank = 0
    size = 1

    def own_part(self, count: int) -> slice:
        """Return where this rank's part of ``count`` things in a row lies.

        Raises:
            ValueError: ``count`` is no multiple of W.
        """
        length, rest = divmod(count, self.size)
        if rest:
            raise ValueError(f"what ranks share must be a multiple of their number, but got {count} for {self.size}.")
        return slice(self.rank * length, (self.rank + 1) * length)

    def own(self, rows: Tensor) -> Tensor:
        """Return this rank's part of (N, ...) rows; a single row, which all N share, stays."""
        return rows if self.size == 1 or rows.shape[0] == 1 else rows[self.own_part(rows.shape[0])]

    def gather(self, rows: Tensor) -> Tensor:
        """Return the (W * n, ...) rows of all ranks, in their order, from each rank's (n, ...)."""
        return rows

    def gather_with_gradient(self, rows: Tensor) -> Tensor:
        """Return the (W * n, ...) rows of all ranks like `gather`, with gradient into each rank's own.

        A row's gradient is the sum over the losses of all ranks, so that the mean over ranks of the parameters'
        gradients, see `average_gradients`, is the gradient of the mean loss. All ranks must call ``backward``.

        Args:
            rows: (n, ...) rows of this rank, with gradient.
        """
        if self.size == 1:
            return rows
        gathered: Tensor = _GatherWithGradient.apply(rows, self)
        return gathered

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over the ranks, entry by entry."""
        return values

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over the ranks, entry by entry."""
        return values

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace the gradient of each parameter by its mean over the ranks."""

    def follow_first(self, stateful: Stateful) -> None:
        """Make every rank take over the state of rank 0."""


class _GatherWithGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return ranks.gather(rows.detach())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        ranks: Ranks = ctx.ranks
        return ranks.sum(gradient)[ranks.own_part(len(gradient))], None


ALONE = Ranks()
