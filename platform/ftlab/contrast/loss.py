"""The contrastive loss InfoNCE, with the statistics of its negative scores, always in float32 or wider."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ftlab.contrast.hard_negatives import OwnNegatives
from ftlab.contrast.scores import Moments, mean_variance, moments_per_query

# Scores computed at a time: as many as a core's cache holds, or as a GPU computes in a few large kernels.
BLOCK_SCORES = {"cpu": 2**17, "cuda": 2**26}


class Contrast(NamedTuple):
    """The result of contrasting a batch with the queue.

    Attributes:
        loss: Scalar with gradient, in nats.
        negative: Moments of the scores of the negatives, see `ftlab.contrast.scores.moments_per_query`.
    """

    loss: Tensor
    negative: Moments


def info_nce(
    queries: Tensor,
    keys: Tensor,
    negative_queries: Tensor,
    negatives: Tensor,
    temperature: float,
    own_negatives: OwnNegatives | None = None,
    candidates: Tensor | None = None,
) -> Contrast:
    """Return the mean InfoNCE loss, ``-log(exp(s_0 / T) / sum_j exp(s_j / T))`` (arXiv 1807.03748, eq. 4).

    Score s_0 is ``query . key``, the others ``negative query . negative``. Loss and gradient are computed together in
    one pass over the negatives, block by block, with an online softmax (arXiv 1805.02867): no N x K scores are kept.

    With ``candidates`` it is the cross entropy of finding a query's own key among them and the negatives: the sum holds
    them instead of s_0, which is the score of one of them, or the mean of several by the shares of the query's label.

    Args:
        queries: (N, C), with or without gradient.
        keys: (N, C), the positive of each query, with or without gradient.
        negative_queries: (N, C), the queries that the negatives are scored against; usually ``queries``.
        negatives: (K, C), without gradient, K >= 1.
        temperature: T > 0.
        own_negatives: More negatives, which each query has for itself.
        candidates: (M, C), without gradient, keys that ``keys`` are mixed of. Their scores are none of the negatives'.

    Returns:
        Loss and moments. The loss is ``ln(1 + K)`` when all scores are equal, and NaN if a score is NaN.

    Raises:
        ValueError: The negatives or the candidates require a gradient.
    """
    if negatives.requires_grad or (candidates is not None and candidates.requires_grad):
        raise ValueError("negatives must come from the queue, without gradient, but got some that require one.")
    loss, mean, variance = _InfoNCE.apply(
        queries, keys, negative_queries, negatives, temperature, own_negatives, candidates
    )
    return Contrast(loss, Moments(mean, variance))


def info_nce_of_scores(
    positive_scores: Tensor, negative_scores: Tensor, temperature: float, excluded: Tensor | None = None
) -> Contrast:
    """Return the loss of `info_nce` from scores that are there already, and that gradients flow through.

    For negatives that are other ones for each query, that a query must not meet, or that carry a gradient. It keeps all
    N x M scores; `info_nce` is for a large queue of constants.

    Args:
        positive_scores: (N,).
        negative_scores: (N, M), those of each query's own negatives.
        temperature: T > 0.
        excluded: (N, M) bool, the negatives that a query does not have; None if each has all.

    Returns:
        Loss and moments of the scores that are not excluded, see `ftlab.contrast.scores.moments_per_query`; NaN
        moments if all are, and NaN if one of the others is.
    """
    kept = negative_scores if excluded is None else negative_scores.masked_fill(excluded, -torch.inf)
    logits = torch.cat([positive_scores[:, None], kept], dim=1) / temperature
    losses = torch.logsumexp(logits, dim=1) - logits[:, 0]
    return Contrast(losses.mean(), moments_per_query(negative_scores.detach(), excluded))


def contrastive_scores(queries: Tensor, keys: Tensor, negative_queries: Tensor, negatives: Tensor) -> Tensor:
    """Score each query against its positive key and against every negative.

    Args:
        queries: (N, C).
        keys: (N, C), the positive of each query.
        negative_queries: (N, C), the queries that the negatives are scored against; usually ``queries``.
        negatives: (K, C).

    Returns:
        (N, 1 + K) dot products, the positive in column 0; cosine similarities when all rows have unit length.
    """
    positive_scores = (queries * keys).sum(dim=1, keepdim=True)  # (N, 1)
    negative_scores = negative_queries @ negatives.T  # (N, K)
    return torch.cat([positive_scores, negative_scores], dim=1)


class _InfoNCE(torch.autograd.Function):
    """The loss as one operation, whose gradient is known before it is asked for."""

    @staticmethod
    def forward(
        ctx: Any,
        queries: Tensor,
        keys: Tensor,
        negative_queries: Tensor,
        negatives: Tensor,
        temperature: float,
        own_negatives: OwnNegatives | None,
        candidates: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        positive_logits = (queries * keys).sum(dim=1) / temperature  # (N,)
        # Where it is among the candidates, the positive counts with them.
        counted = positive_logits if candidates is None else torch.full_like(positive_logits, -torch.inf)
        softmax = _OnlineSoftmax(counted, negative_queries / temperature)
        if candidates is not None:
            softmax.add(candidates, measured=False)
        for block in torch.split(negatives, _block_size(queries)):
            softmax.add(block)
        if own_negatives is not None:
            softmax.add_own(own_negatives)
        total = softmax.log_total()
        losses = total - positive_logits
        # d loss / d logit is the softmax, less one for the positive, over N.
        scale = 1.0 / (temperature * len(losses))
        positive_gradient = (torch.expm1(counted - total) * scale)[:, None]
        ctx.save_for_backward(positive_gradient, queries, keys, softmax.mean_negative() * scale)
        mean, variance = softmax.negative_moments()
        moments = mean * temperature, variance * temperature**2
        ctx.mark_non_differentiable(*moments)
        return losses.mean(), *moments

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: Tensor, _mean: Tensor, _variance: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None, None, None]:
        positive_gradient, queries, keys, negative_gradient = ctx.saved_tensors
        for_queries, for_keys, for_negative_queries, *_ = ctx.needs_input_grad
        return (
            gradient * positive_gradient * keys if for_queries else None,
            gradient * positive_gradient * queries if for_keys else None,
            gradient * negative_gradient if for_negative_queries else None,
            None,
            None,
            None,
            None,
        )


class _OnlineSoftmax:
    """Sums over the logits of N queries that are seen a block at a time, relative to each query's highest so far."""

    def __init__(self, positive_logits: Tensor, scaled_queries: Tensor) -> None:
        self._queries = scaled_queries  # (N, C)
        self._highest = positive_logits  # (N,)
        self._total = torch.ones_like(positive_logits)  # (N,) sum of exp(logit - highest)
        self._weighted = torch.zeros_like(scaled_queries)  # (N, C) sum of exp(logit - highest) * negative
        self._num_seen = 0
        # Of the negative logits so far, (N,) from the first block on: mean, and summed squared deviations from it.
        self._mean = self._squares = positive_logits

    def add(self, negatives: Tensor, *, measured: bool = True) -> None:
        """Take in the logits of a (k, C) block of negatives, in the statistics too if they are ``measured``."""
        weights = self._weigh(self._queries @ negatives.T, measured=measured)
        self._weighted.addmm_(weights, negatives)

    def add_own(self, negatives: OwnNegatives) -> None:
        """Take in the logits of the negatives that each query has for itself."""
        weights = self._weigh(negatives.scores(self._queries), measured=True)
        self._weighted += negatives.weighted_sums(weights)

    def _weigh(self, logits: Tensor, *, measured: bool) -> Tensor:
        """Count (N, k) logits, and return their exponentials, relative to the highest so far, in their place."""
        highest = torch.maximum(self._highest, logits.amax(dim=1))
        logits -= highest[:, None]
        if measured:
            self._measure(logits, highest)
        weights = logits.exp_()
        shrinkage = torch.exp(self._highest - highest)
        self._highest = highest
        self._total = self._total * shrinkage + weights.sum(dim=1)
        self._weighted.mul_(shrinkage[:, None])
        return weights

    def log_total(self) -> Tensor:
        """Return the (N,) logarithms of the summed exponentials, the positive's included."""
        return self._total.log() + self._highest

    def mean_negative(self) -> Tensor:
        """Return the (N, C) sums of the negatives, weighted by their softmax."""
        return self._weighted / self._total[:, None]

    def negative_moments(self) -> Moments:
        """Return mean and, per query, variance of the N x K negative logits."""
        return Moments(self._mean.mean(), mean_variance(self._squares, self._num_seen))

    def _measure(self, shifted: Tensor, highest: Tensor) -> None:
        # Blocks are merged by their own means (Chan et al., 1983), so that nothing cancels when features collapse.
        count, num_seen = shifted.shape[1], self._num_seen + shifted.shape[1]
        sums = shifted.sum(dim=1).double()
        norms = torch.linalg.vector_norm(shifted, dim=1).double()
        squares = (norms.square() - sums.square() / count).clamp_min(0.0)
        means = highest.double() + sums / count
        if self._num_seen:
            distance = means - self._mean
            means = self._mean + distance * (count / num_seen)
            squares = self._squares + (squares + distance.square() * (self._num_seen * count / num_seen))
        self._mean, self._squares = means, squares
        self._num_seen = num_seen


def _block_size(queries: Tensor) -> int:
    return max(1, BLOCK_SCORES.get(queries.device.type, BLOCK_SCORES["cuda"]) // len(queries))
