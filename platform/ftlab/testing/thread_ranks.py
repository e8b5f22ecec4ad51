"""Ranks that are threads of one process, for tests."""

from collections.abc import Sequence
from copy import deepcopy
from threading import Barrier
from typing import Any, Self

import torch
from torch import Tensor, nn

from ftlab.ranks.exchange import Ranks, Stateful

SECONDS = 30.0


class Meeting:
    """A meeting point at which threads exchange values.

    Args:
        size: Number of threads.
    """

    def __init__(self, size: int) -> None:
        self._barrier = Barrier(size, timeout=SECONDS)
        self._brought: list[Any] = [None] * size

    def exchange(self, rank: int, value: Any) -> list[Any]:
        """Bring a value, and return those of all once they are there.

        Raises:
            threading.BrokenBarrierError: Another thread did not come.
        """
        self._brought[rank] = value
        self._barrier.wait()
        brought = list(self._brought)
        self._barrier.wait()  # nobody brings the next thing before all have seen this one
        return brought


class ThreadRanks(Ranks):
    """A rank that is a thread.

    Args:
        rank: Its number.
        size: Number of ranks.
        meeting: Where they exchange values.
    """

    def __init__(self, rank: int, size: int, meeting: Meeting) -> None:
        self.rank = rank
        self.size = size
        self._meeting = meeting

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def gather(self, rows: Tensor) -> Tensor:
        """Return the rows of all ranks, in their order."""
        return torch.cat(self._meeting.exchange(self.rank, rows.clone()))

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over the ranks."""
        return torch.stack(self._meeting.exchange(self.rank, values.clone())).sum(dim=0)

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over the ranks."""
        return self.sum(values) / self.size

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace each gradient by its mean over the ranks."""
        for parameter in parameters:
            assert parameter.grad is not None
            parameter.grad.copy_(self.mean(parameter.grad))

    def follow_first(self, stateful: Stateful) -> None:
        """Take over the state of rank 0."""
        state = self._meeting.exchange(self.rank, deepcopy(stateful.state_dict()))[0]
        stateful.load_state_dict(deepcopy(state))
