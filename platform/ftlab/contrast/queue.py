"""The queue of negatives, with a pointer, and its first two moments."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class NegativeQueue(nn.Module):
    """The last K keys; new ones overwrite the oldest and wrap around the end, so no key is ever dropped.

    Sums of ``z`` and ``z z^T`` follow each enqueue at O(N C^2). From them come the exact mean and variance of all
    N x K scores at any K, without a second N x K x C product (see `ftlab.contrast.scores.negative_moments`).

    Attributes:
        keys: (K, C) unit vectors.
        pointer: Position of the oldest key, 0 <= pointer < K, as a tensor so that it is saved and never synchronised.
        key_sum: (C,) float64 sum of the keys.
        key_gram: (C, C) float64 sum of their outer products.
    """

    keys: Tensor
    pointer: Tensor
    key_sum: Tensor
    key_gram: Tensor

    def __init__(self, size: int, dim: int, *, generator: torch.Generator) -> None:
        """Fill the queue with random unit vectors.

        Args:
            size: K >= 1.
            dim: C.
            generator: Source of the first keys; its device becomes the queue's.
        """
        super().__init__()
        device = generator.device
        keys = F.normalize(torch.randn(size, dim, generator=generator, device=device))
        self.register_buffer("keys", keys)
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long, device=device))
        self.register_buffer("key_sum", keys.double().sum(dim=0))
        self.register_buffer("key_gram", keys.double().T @ keys.double())

    @property
    def size(self) -> int:
        """Number K of keys."""
        return self.keys.shape[0]

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Replace the oldest keys by new ones, wrapping around the end.

        Args:
            keys: (N, C) unit vectors, N <= K, without gradient.

        Raises:
            ValueError: N > K: some of the new keys would be lost at once.
        """
        num_keys = keys.shape[0]
        if num_keys > self.size:
            raise ValueError(f"a batch must fit the queue, but got {num_keys} keys for a queue of {self.size}.")
        positions = (self.pointer + torch.arange(num_keys, device=keys.device)) % self.size
        keys = keys.to(self.keys.dtype)
        oldest, newest = self.keys.index_select(0, positions).double(), keys.double()
        self.key_sum += newest.sum(dim=0) - oldest.sum(dim=0)
        self.key_gram += newest.T @ newest - oldest.T @ oldest
        self.keys.index_copy_(0, positions, keys)
        self.pointer.add_(num_keys).remainder_(self.size)
