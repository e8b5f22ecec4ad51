"""Score statistics: mean and variance of positive and negative scores, their histograms, and collapse."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

NUM_BINS = 100
BIN_RANGE = (-1.0, 1.0)

COLLAPSED_MARGIN = 0.05


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
def score_moments(scores: Tensor) -> Moments:
    """Return mean and population variance over all entries of ``scores``, of any shape; NaN when empty."""
    variance, mean = torch.var_mean(scores, correction=0)
    return Moments(mean.double(), variance.double())


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
def pool_moments(moments: Tensor) -> Tensor:
    """Pool the statistics of equally large parts into those of the whole.

    Args:
        moments: (W, ..., 2M) of W parts; means and population variances alternate in the last dimension.

    Returns:
        (..., 2M); with W = 1 bit for bit what was given.
    """
    means, variances = moments[..., 0::2], moments[..., 1::2]
    pooled = means.mean(dim=0), variances.mean(dim=0) + means.var(dim=0, correction=0)
    return torch.stack(pooled, dim=-1).flatten(-2)


class StepScores(NamedTuple):
    """Score statistics of one step, on the device.

    Attributes:
        positive: Of the N positive scores before FT.
        negative: Of the N x K negative scores before FT.
        positive_transformed: Of the positive scores that the loss sees.
        negative_transformed: Of the negative scores that the loss sees.
    """

    positive: Moments
    negative: Moments
    positive_transformed: Moments
    negative_transformed: Moments

    def stacked(self) -> Tensor:
        """Return the means and variances as one (8,) float64 tensor, in the order of `METRICS`."""
        return torch.stack([value for moments in self for value in moments])


METRICS = tuple(
    f"scores/{sign}_{moment}{suffix}"
    for suffix in ("", "_transformed")
    for sign in ("positive", "negative")
    for moment in ("mean", "variance")
)
REPORTED = tuple(name for name in METRICS if "positive_variance" not in name)


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
        metrics: ``scores/positive_mean`` and ``scores/negative_mean`` of an epoch.
    """
    margin = metrics["scores/positive_mean"] - metrics["scores/negative_mean"]
    if margin >= COLLAPSED_MARGIN:
        return CollapseVerdict(False)
    return CollapseVerdict(True, f"positive scores exceed negative ones by only {margin:.3f} on average")
