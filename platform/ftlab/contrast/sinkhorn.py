"""Balanced soft assignment of features to prototypes, by Sinkhorn's algorithm."""

import torch
from torch import Tensor

from ftlab.ranks.exchange import ALONE, Ranks


@torch.no_grad()
def sinkhorn(
    scores: Tensor, epsilon: float, iterations: int, *, counted: Tensor | None = None, ranks: Ranks = ALONE
) -> Tensor:
    """Return the codes that spread N features over K prototypes evenly (arXiv 2006.09882, section 3.1).

    A row is a feature and a column a prototype; the paper writes the transposed matrix, K x N. From ``exp(scores /
    epsilon)`` on, columns and then rows are scaled to equal sums, again and again. Rows come last: they sum to 1 after
    any number of iterations, columns to N / K only in the limit. All is done with logarithms, since the exponentials
    overflow for a small epsilon, and without gradient.

    Args:
        scores: (n, K) dot products of this rank's part of the N features with the prototypes.
        epsilon: Smoothness of the codes, > 0: they come close to one prototype each for a small one, and to 1 / K for a
            large one.
        iterations: Number of times that columns and rows are scaled, >= 1.
        counted: (n,) bool, the features that take part in the sums of columns; None if all do, and at least one of all
            ranks must.
        ranks: The ranks that hold the other features; columns are summed over all.

    Returns:
        (n, K) codes, each a distribution over the prototypes.
    """
    logits = scores / epsilon
    logits_of_rows = torch.zeros_like(logits[:, :1])  # (n, 1)
    left_out = None if counted is None else ~counted[:, None]
    for _ in range(iterations):
        scaled = logits + logits_of_rows
        scaled = scaled if left_out is None else scaled.masked_fill(left_out, -torch.inf)
        sums = ranks.gather(scaled.logsumexp(dim=0, keepdim=True)).logsumexp(dim=0)  # (K,)
        logits_of_rows = -(logits - sums).logsumexp(dim=1, keepdim=True)
    return (logits - sums + logits_of_rows).exp()
