"""The latest features of each view, which help to balance the codes of a small batch."""

import torch
from torch import Tensor, nn


class RecentFeatures(nn.Module):
    """The last Q features of each of V views, the newest first.

    Attributes:
        features: (V, Q, C) unit vectors; zeros where there are none yet.
        num_enqueued: Number of features of a view so far, at most Q, as a tensor so that it is never synchronised.

    Args:
        num_views: V.
        size: Q >= 1.
        dim: C.
    """

    features: Tensor
    num_enqueued: Tensor

    def __init__(self, num_views: int, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("features", torch.zeros(num_views, size, dim))
        self.register_buffer("num_enqueued", torch.zeros((), dtype=torch.long))

    @property
    def size(self) -> int:
        """Number Q of features of a view."""
        return self.features.shape[1]

    @property
    def is_full(self) -> Tensor:
        """A bool on the device: Q features of each view have come."""
        return self.num_enqueued == self.size

    @torch.no_grad()
    def enqueue(self, features: Tensor) -> None:
        """Put (V, N, C) features before the others, and drop the oldest; of more than Q, the first are kept."""
        self.features.copy_(torch.cat([features, self.features], dim=1)[:, : self.size])
        self.num_enqueued.add_(features.shape[1]).clamp_max_(self.size)
