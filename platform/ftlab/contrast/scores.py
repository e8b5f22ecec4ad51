"""Score statistics: mean and variance of positive and negative scores, their histograms, and collapse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor

from ftlab.contrast.score_statistics import (
    AFTER_FT,
    BIN_WIDTH,
    COLLAPSED_MARGIN,
    COSINE_RANGE,
    MAX_BINS,
    NEGATIVE_MEAN,
    NEGATIVE_VARIANCE,
    POSITIVE_MEAN,
    POSITIVE_VARIANCE,
    Pooling,
    ScoreStatistic,
)


class Moments(NamedTuple):
    """Mean and variance of scores, as float64 scalars on the device; whose variance is said where they are taken."""

    mean: Tensor
    variance: Tensor


@torch.no_grad()
def negative_moments(queries: Tensor, key_sum: Tensor, key_gram: Tensor, num_keys: int) -> Moments:
    """Return `moments_per_query` of the N x K scores ``q . z`` from the keys' moments alone, in O(N C^2).

    Of query n, ``mean_n = q_n . sum_k z_k / K`` and ``E_n[(q . z)^2] = q_n^T (sum_k z_k z_k^T) q_n / K``.

    Args:
        queries: (N, C).
        key_sum: (C,) float64 sum of the keys.
        key_gram: (C, C) float64 sum of the keys' outer products.
        num_keys: K.
    """
    queries = queries.double()
    means = queries @ key_sum / num_keys  # (N,)
    squares = ((queries @ key_gram) * queries).sum(dim=1) - num_keys * means.square()  # (N,)
    return Moments(means.mean(), mean_variance(squares, num_keys))


def mean_variance(squares: Tensor, count: int) -> Tensor:
    """Return the mean over queries of the unbiased variance of their scores, which is 0 for a single one.

    Args:
        squares: (N,) squared deviations of each query's scores from their own mean, summed.
        count: Number of scores of each query.
    """
    return squares.mean().clamp_min(0.0) / max(count - 1, 1)


def mean_moments(parts: Sequence[Moments]) -> Moments:
    """Return the moments of equally many queries together, from the `moments_per_query` of each part of them."""
    if len(parts) == 1:
        return parts[0]
    return Moments(*(torch.stack(values).mean() for values in zip(*parts, strict=True)))


@torch.no_grad()
def score_moments(scores: Tensor) -> Moments:
    """Return mean and population variance of scores of any shape; NaN if there are none."""
    variance, mean = torch.var_mean(scores, correction=0)
    return Moments(mean.double(), variance.double())


@torch.no_grad()
def moments_per_query(scores: Tensor, excluded: Tensor | None = None) -> Moments:
    """Return the mean of all scores, and the mean over queries of the unbiased variance over each one's own scores.

    This variance is what the authors of arXiv 2108.02982 plot. That of all scores together is larger: it adds the
    variance between the means of queries.

    Args:
        scores: (N, M), those of each query.
        excluded: (N, M) bool, the scores that do not count; None if all do.

    Returns:
        The moments. A query with a single score has the variance 0; one without any has no part; NaN if none has any.
    """
    # Without indexing, whose shape the host would have to wait for.
    out = torch.zeros_like(scores, dtype=torch.bool) if excluded is None else excluded
    counts = (~out).sum(dim=1)  # (N,)
    sums = scores.double().masked_fill(out, 0.0).sum(dim=1)
    squares = (scores - (sums / counts)[:, None]).masked_fill(out, 0.0).square().sum(dim=1)
    # Without any score, the squares are 0.
    variances = squares / (counts - 1).clamp_min(1)
    return Moments(sums.sum() / counts.sum(), variances.sum() / (counts > 0).sum())


def name_moments(positive: Moments, negative: Moments | None = None, *, after_ft: bool = False) -> dict[str, Tensor]:
    """Return the moments of both kinds of scores as values of `SCORE_STATISTICS`, of those before FT or after it.

    Args:
        positive: Of the scores of positives.
        negative: Of the scores of negatives; None for a method without negatives.
        after_ft: Whether they were taken after FT.
    """
    moments = {POSITIVE_MEAN: positive.mean, POSITIVE_VARIANCE: positive.variance}
    if negative is not None:
        moments |= {NEGATIVE_MEAN: negative.mean, NEGATIVE_VARIANCE: negative.variance}
    return {name + AFTER_FT: value for name, value in moments.items()} if after_ft else moments


class ScoreHistogram(NamedTuple):
    """The counts of scores in equally wide bins.

    Attributes:
        counts: (bins,) int64, on the scores' device.
        edges: The lowest and the highest edge.
    """

    counts: Tensor
    edges: tuple[float, float]


@torch.no_grad()
def score_histogram(
    scores: Tensor, edges: tuple[float, float] = COSINE_RANGE, excluded: Tensor | None = None
) -> ScoreHistogram:
    """Count scores in bins about `BIN_WIDTH` wide, of which there are at most `MAX_BINS`.

    Args:
        scores: Any shape. Scores beyond the edges, by a rounding error, count in the outer bins.
        edges: The range that the scores lie in.
        excluded: bool of that shape, the scores that do not count; None if all do.
    """
    low, high = edges
    # A range of 2 in float64 may be a hair more than 100 widths.
    num_bins = min(max(ceil((high - low) / BIN_WIDTH - 1e-6), 1), MAX_BINS)
    # In place, from a copy in any case: there may be millions of scores.
    places = scores.to(torch.float64, copy=True).flatten().sub_(low).mul_(num_bins / (high - low)).floor_()
    places = places.clamp_(0, num_bins - 1).long()
    counted = places.new_ones(()) if excluded is None else (~excluded).flatten().long()
    # Not torch.bincount, for which the host waits twice on a GPU.
    counts = places.new_zeros(num_bins).scatter_add_(0, places, counted.expand_as(places))
    return ScoreHistogram(counts, edges)


@torch.no_grad()
def pool_statistics(parts: Tensor, statistics: Sequence[ScoreStatistic]) -> Tensor:
    """Pool the statistics of equally large parts into those of the whole.

    Args:
        parts: (W, ..., M) statistics of W parts.
        statistics: The M statistics, each of which says how it is pooled.

    Returns:
        (..., M); with W = 1 bit for bit what was given.
    """
    columns = {statistic.name: column for statistic, column in zip(statistics, parts.unbind(-1), strict=True)}

    def pool(statistic: ScoreStatistic) -> Tensor:
        pooled = columns[statistic.name].mean(dim=0)
        if statistic.pooling is Pooling.MEAN:
            return pooled
        return pooled + columns[statistic.mean_name].var(dim=0, correction=0)

    return torch.stack([pool(statistic) for statistic in statistics], dim=-1)


@dataclass(frozen=True)
class CollapseVerdict:
    """The verdict on whether a training collapsed, with its reason."""

    collapsed: bool
    reason: str = ""


def detect_collapse(metrics: Mapping[str, float]) -> CollapseVerdict:
    """Judge from the last epoch's statistics whether the features collapsed.

    Collapsed features no longer tell a positive from a negative: the mean positive score exceeds the mean negative
    score by less than `COLLAPSED_MARGIN`. The scores before FT decide, and not the loss, since FT makes positives
    harder by design and can hold the loss above ln(K + 1) in a healthy training.

    Args:
        metrics: `POSITIVE_MEAN` and `NEGATIVE_MEAN` of an epoch.
    """
    margin = metrics[POSITIVE_MEAN] - metrics[NEGATIVE_MEAN]
    if margin >= COLLAPSED_MARGIN:
        return CollapseVerdict(False)
    return CollapseVerdict(True, f"positive scores exceed negative ones by only {margin:.3f} on average")
