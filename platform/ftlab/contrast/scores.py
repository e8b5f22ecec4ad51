"""Score statistics: mean and variance of positive and negative scores, their histograms, and collapse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ftlab.contrast.score_statistics import (
    AFTER_FT,
    BIN_RANGE,
    COLLAPSED_MARGIN,
    NEGATIVE_MEAN,
    NEGATIVE_VARIANCE,
    NUM_BINS,
    POSITIVE_MEAN,
    POSITIVE_VARIANCE,
    Pooling,
    ScoreStatistic,
)


class Moments(NamedTuple):
    """Mean and population variance of a set of scores, as float64 scalars on the device."""

    mean: Tensor
    variance: Tensor


@torch.no_grad()
def negative_moments(queries: Tensor, key_sum: Tensor, key_gram: Tensor, num_keys: int) -> Moments:
    """Return mean and variance of all N x K scores ``q . z`` from the keys' moments alone, in O(N C^2).

    ``mean = q_mean . z_mean`` and ``E[(q . z)^2] = mean_n q_n^T (sum_k z_k z_k^T / K) q_n``.

    Args:
        queries: (N, C).
        key_sum: (C,) float64 sum of the keys.
        key_gram: (C, C) float64 sum of the keys' outer products.
        num_keys: K.
    """
    queries = queries.double()
    mean = (queries.mean(dim=0) * key_sum).sum() / num_keys
    second = ((queries @ key_gram) * queries).sum() / (num_keys * queries.shape[0])
    return Moments(mean, (second - mean * mean).clamp_min(0.0))


@torch.no_grad()
def score_moments(scores: Tensor, excluded: Tensor | None = None) -> Moments:
    """Return mean and population variance of scores; NaN if there are none.

    Args:
        scores: Any shape.
        excluded: bool of that shape, the entries that do not count; None if all do.
    """
    if excluded is None:
        variance, mean = torch.var_mean(scores, correction=0)
        return Moments(mean.double(), variance.double())
    # Without indexing, whose shape the host would have to wait for.
    count = (~excluded).sum()
    mean = scores.double().masked_fill(excluded, 0.0).sum() / count
    return Moments(mean, (scores - mean).masked_fill(excluded, 0.0).square().sum() / count)


def name_moments(positive: Moments, negative: Moments, *, after_ft: bool = False) -> dict[str, Tensor]:
    """Return the moments of both kinds of scores as values of `SCORE_STATISTICS`, of those before FT or after it."""
    moments = {
        POSITIVE_MEAN: positive.mean,
        POSITIVE_VARIANCE: positive.variance,
        NEGATIVE_MEAN: negative.mean,
        NEGATIVE_VARIANCE: negative.variance,
    }
    return {name + AFTER_FT: value for name, value in moments.items()} if after_ft else moments


@torch.no_grad()
def score_histogram(scores: Tensor) -> Tensor:
    """Count scores in `NUM_BINS` equal bins over `BIN_RANGE`.

    Args:
        scores: Any shape. Scores beyond the range, which transformed features can reach, count in the outer bins.

    Returns:
        (NUM_BINS,) int64 counts on the scores' device.
    """
    low, high = BIN_RANGE
    bins = ((scores.flatten() - low) * (NUM_BINS / (high - low))).floor().clamp(0, NUM_BINS - 1).long()
    return torch.bincount(bins, minlength=NUM_BINS)


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
