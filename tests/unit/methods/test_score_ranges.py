"""Histograms hold every score that FT can make, and nothing falls outside their edges."""

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ftlab.contrast.loss import contrastive_scores
from ftlab.contrast.transform import FeatureTransform, Granularity, NegativeTransform, PositiveTransform

N, K, C = 64, 64, 4
NEGATIVES = NegativeTransform(1.6)


def extrapolated(high: float) -> FeatureTransform:
    return FeatureTransform(PositiveTransform(2.0, (1.0, high)), NEGATIVES)


@pytest.mark.parametrize(("high", "lowest"), [(1.25, -2.25), (1.5, -4.0), (2.0, -9.0), (3.0, -25.0)])
def test_the_ranges_are_those_of_the_largest_coefficient(high: float, lowest: float) -> None:
    c = 1 + 2 * high * (high - 1)
    assert extrapolated(high).positive_range == (pytest.approx(lowest), 1.0)
    assert lowest == pytest.approx(1 - 2 * c)
    assert extrapolated(high).negative_range == pytest.approx((1 - 2 * high, 2 * high - 1))


@pytest.mark.parametrize(
    "transform",
    [
        FeatureTransform(),
        FeatureTransform(negatives=NEGATIVES),
        FeatureTransform(PositiveTransform(2.0, (0.0, 1.0)), NEGATIVES),
        FeatureTransform(PositiveTransform(2.0, (1.0, 2.0)), NEGATIVES, renormalise=True),
    ],
)
def test_what_does_not_reach_further_has_the_range_of_cosines(transform: FeatureTransform) -> None:
    assert transform.positive_range == transform.negative_range == (-1.0, 1.0)


def test_the_original_query_keeps_negatives_to_the_range_of_cosines() -> None:
    transform = FeatureTransform(PositiveTransform(2.0, (1.0, 2.0)), NEGATIVES, query_for_negatives="original")
    assert transform.negative_range == (-1.0, 1.0)


def opposite_pairs(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return unit queries, keys and negatives, many of them opposite to each other or along an axis."""
    random = torch.Generator().manual_seed(seed)
    queries, keys, negatives = (
        F.normalize(torch.randn(rows, C, generator=random, dtype=torch.float64)) for rows in (N, N, K)
    )
    axes = torch.eye(C, dtype=torch.float64)
    queries[:C], keys[:C], negatives[:C] = axes, -axes, axes
    queries[C : 2 * C], keys[C : 2 * C], negatives[C : 2 * C] = axes, axes.roll(1, dims=0), axes.roll(1, dims=0)
    keys[2 * C : N // 2] = -queries[2 * C : N // 2]
    return queries, keys, negatives


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (0.3, 0.7), (1.0, 1.25), (1.0, 2.0), (1.0, 3.0)])
@pytest.mark.parametrize("granularity", ["batch", "sample", "dimension", "element"])
def test_every_score_lies_within(bounds: tuple[float, float], granularity: Granularity) -> None:
    # With an alpha of 0.01, nearly every coefficient is at one of its bounds.
    for seed, union in itertools.product(range(5), (False, True)):
        transform = FeatureTransform(
            PositiveTransform(0.01, bounds, granularity), NegativeTransform(0.01, granularity=granularity, union=union)
        )
        streams = [torch.Generator().manual_seed(seed) for _ in range(2)]
        seen = transform(*opposite_pairs(seed), positive_generator=streams[0], negative_generator=streams[1])
        scores = contrastive_scores(*seen)
        for found, (low, high) in ((scores[:, 0], transform.positive_range), (scores[:, 1:], transform.negative_range)):
            assert low - 1e-6 <= found.min()
            assert found.max() <= high + 1e-6
