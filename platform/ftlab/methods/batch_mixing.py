"""The mixing of a batch: what a step of MoCo asks of a method that is composed with it."""

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from ftlab.encoders.encoder import Encoder
from ftlab.ranks.exchange import ALONE, Ranks

# From (n, channels, H, W) images to (n, C) unit vectors, with gradient.
Encode = Callable[[Tensor], Tensor]
# From this rank's (n, C) keys to what its queries are drawn to.
Targets = Callable[[Tensor], Tensor]
# From (n, C) queries to their loss against this rank's keys and the negatives of the step.
ContrastQueries = Callable[[Tensor], Tensor]


class BatchMixing:
    """Mix the images of a batch for the queries of a step; this base class mixes nothing.

    A step calls `encode_queries`, then `add_loss` on the loss of those queries. Images are mixed with images of their
    own group of batch normalisation, as each device of the authors' code mixes its own part of a batch. So no image is
    sent between ranks, and any number of them trains the same.

    Args:
        groups: G, groups of batch normalisation of the whole batch.
        ranks: The ranks that share them out.

    Attributes:
        streams: Names of the random streams that it draws from.
        finds_in_batch: Whether a query has to find its key among those of the batch of all ranks, beside the queue.
    """

    streams: ClassVar[tuple[str, ...]] = ()
    finds_in_batch: ClassVar[bool] = False

    def __init__(self, groups: int = 1, ranks: Ranks = ALONE) -> None:
        self.groups = groups
        self.ranks = ranks

    def attach(self, encoder: Encoder) -> None:
        """Get to know the encoder of the queries, before the first step; not needed here."""

    def encode_queries(
        self, images: Tensor, encode: Encode, streams: Mapping[str, torch.Generator]
    ) -> tuple[Tensor, Targets]:
        """Return this rank's (n, C) queries, and what they are drawn to: each to the key of its own image.

        Args:
            images: (n, channels, H, W) views of this rank's part of the batch.
            encode: Encodes them.
            streams: Randomness of the step, by the names in `streams`.
        """
        del streams  # of mixing
        return encode(images), _own_keys

    def add_loss(
        self,
        loss: Tensor,
        images: Tensor,
        encode: Encode,
        contrast: ContrastQueries,
        streams: Mapping[str, torch.Generator],
    ) -> Tensor:
        """Return the loss of the step from that of its queries: the same.

        Args:
            loss: Scalar with gradient.
            images: As in `encode_queries`.
            encode: As in `encode_queries`.
            contrast: Returns the loss of other queries of the images.
            streams: As in `encode_queries`.
        """
        del images, encode, contrast, streams  # of further queries
        return loss


class InBatchKeys(BatchMixing):
    """Let each query find its key among the N of the batch and the K of the queue; mix nothing.

    The baseline of i-Mix, which has N - 1 negatives more than MoCo besides its mixtures.
    """

    finds_in_batch = True


def _own_keys(keys: Tensor) -> Tensor:
    return keys
