"""Hard negative mixing (MoCHi, arXiv 2010.01028): negatives mixed of the hardest that each query has in the queue."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn import functional as F

from ftlab.ranks.exchange import ALONE, Ranks

# Numbers that are made at a time, 16 MiB in float32; two such blocks are alive at once.
BLOCK_NUMBERS = 2**22


@dataclass(frozen=True)
class OwnNegatives:
    """Negatives that each query has for itself: (N, S, C) unit vectors, made for a block of queries at a time.

    The first s of a query are ``a n_i + (1 - a) n_j``, the other S - s ``b q + (1 - b) n_j``, scaled to unit length.
    All of them are constants. A block holds `BLOCK_NUMBERS` numbers, or the S x C of a single query if those are more.

    Attributes:
        queries: (N, C) q, without gradient.
        bank: (K, C) unit vectors n, without gradient.
        first: (N, s) int64, the rows i of the bank.
        second: (N, S) int64, the rows j of the bank.
        shares: (N, S) a and b, in [0, 1].
    """

    queries: Tensor
    bank: Tensor
    first: Tensor
    second: Tensor
    shares: Tensor

    def scores(self, queries: Tensor) -> Tensor:
        """Return the (N, S) scores of (N, C) queries, each against its own negatives."""
        return torch.cat([(block @ queries[rows, :, None]).squeeze(2) for rows, block in self._blocks()])

    def weighted_sums(self, weights: Tensor) -> Tensor:
        """Return the (N, C) sum of each query's negatives with its (N, S) weights."""
        return torch.cat([(weights[rows, None] @ block).squeeze(1) for rows, block in self._blocks()])

    def _blocks(self) -> Iterator[tuple[slice, Tensor]]:
        """Yield the rows of a block of queries, and their (block, S, C) negatives."""
        blocks = list(_row_blocks(self.second.shape[0], self.second.shape[1] * self.bank.shape[1]))
        return ((rows, self._whole if len(blocks) == 1 else self._make(rows)) for rows in blocks)

    @cached_property
    def _whole(self) -> Tensor:
        """The (N, S, C) negatives of all queries, made once where they are a single block."""
        return self._make(slice(None))

    def _make(self, rows: slice) -> Tensor:
        first, mixed = (F.embedding(places[rows], self.bank) for places in (self.first, self.second))
        shares, num_pairs = self.shares[rows, :, None], first.shape[1]
        mixed[:, :num_pairs].lerp_(first, shares[:, :num_pairs])
        mixed[:, num_pairs:].lerp_(self.queries[rows, None].expand_as(mixed[:, num_pairs:]), shares[:, num_pairs:])
        return F.normalize(mixed, dim=2, out=mixed)


@dataclass(frozen=True)
class HardNegativeMixing:
    """Mix the hardest negatives of each query with each other, and with the query.

    Attributes:
        num_hardest: N of the paper, the negatives with the highest scores that partners are drawn from, 1 <= N <= K.
        num_mixtures: s, mixtures of two of them, with a share uniform in [0, 1].
        num_query_mixtures: s', mixtures of the query with one of them, with a share of the query uniform in [0, 0.5].
    """

    num_hardest: int
    num_mixtures: int
    num_query_mixtures: int

    @torch.no_grad()
    def __call__(
        self, queries: Tensor, bank: Tensor, *, generator: torch.Generator, ranks: Ranks = ALONE
    ) -> OwnNegatives:
        """Return the s + s' negatives of each query beside the bank.

        Args:
            queries: (n, C) unit vectors, this rank's part of the batch; no gradient flows into the mixtures.
            bank: (K, C) unit vectors, without gradient.
            generator: Source of partners and shares of the whole batch.
            ranks: The ranks that hold the other parts.
        """
        count, device = ranks.size * queries.shape[0], generator.device
        num_own = self.num_mixtures + self.num_query_mixtures
        partners = torch.randint(
            self.num_hardest, (count, self.num_mixtures + num_own), generator=generator, device=device
        )
        shares = torch.rand(count, num_own, generator=generator, device=device)
        shares[:, self.num_mixtures :] *= 0.5
        places = self._hardest(queries, bank).gather(1, ranks.own(partners))
        first, second = places.tensor_split([self.num_mixtures], dim=1)
        return OwnNegatives(queries.detach(), bank, first, second, ranks.own(shares).to(queries.dtype))

    def _hardest(self, queries: Tensor, bank: Tensor) -> Tensor:
        """Return the (n, N) places in the bank of each query's hardest negatives."""
        blocks = _row_blocks(queries.shape[0], bank.shape[0])
        return torch.cat([(queries[rows] @ bank.T).topk(self.num_hardest, dim=1).indices for rows in blocks])


def _row_blocks(num_rows: int, numbers: int) -> Iterator[slice]:
    """Yield slices of rows, each of which makes so many numbers, that make no more than `BLOCK_NUMBERS` together."""
    size = max(1, BLOCK_NUMBERS // numbers)
    return (slice(start, start + size) for start in range(0, num_rows, size))
