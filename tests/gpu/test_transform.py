"""Feature transformation on the device against its formulas on the CPU, from the coefficients that were drawn."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.nn import functional as F

from ftlab.contrast.transform import (
    FeatureTransform,
    Granularity,
    NegativeTransform,
    PositiveTransform,
    sample_coefficients,
    sample_symmetric_beta,
)

N, K, C = 6, 9, 5
# Mixed numbers are at most 3 in size, and float32 rounds to 6e-8 of that at each of a few operations.
TOLERANCE = 1e-6

UnitRows = Callable[..., Tensor]
MakeGenerator = Callable[[int], torch.Generator]

granularities = pytest.mark.parametrize("granularity", ["batch", "sample", "dimension", "element"])


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found.detach().cpu().double(), expected, rtol=0, atol=TOLERANCE)


def mixed(first: Tensor, second: Tensor, coefficients: Tensor) -> Tensor:
    drawn = coefficients.cpu().double()
    return drawn * first.double() + (1 - drawn) * second.double()


@pytest.fixture
def queries(unit_rows: UnitRows) -> Tensor:
    return unit_rows(N, C, seed=0)


@pytest.fixture
def keys(unit_rows: UnitRows) -> Tensor:
    return unit_rows(N, C, seed=1)


@pytest.fixture
def negatives(unit_rows: UnitRows) -> Tensor:
    return unit_rows(K, C, seed=2)


@granularities
@pytest.mark.parametrize("bounds", [(0.0, 1.0), (1.0, 2.0)], ids=["interpolation", "extrapolation"])
def test_positives_are_mixed_by_the_coefficients_drawn(
    device: torch.device,
    make_generator: MakeGenerator,
    queries: Tensor,
    keys: Tensor,
    granularity: Granularity,
    bounds: tuple[float, float],
) -> None:
    moved = queries.to(device).requires_grad_()
    transform = PositiveTransform(2.0, bounds, granularity)
    new_queries, new_keys = transform(moved, keys.to(device), generator=make_generator(1))
    drawn = sample_coefficients(2.0, bounds, (N, C), granularity, generator=make_generator(1))
    assert drawn.device.type == new_queries.device.type == device.type
    assert bounds[0] <= drawn.min().item() <= drawn.max().item() <= bounds[1]
    close(new_queries, mixed(queries, keys, drawn))
    close(new_keys, mixed(keys, queries, drawn))
    (into_query,) = torch.autograd.grad(new_queries.sum(), moved)
    (into_key,) = torch.autograd.grad(new_keys.sum(), moved)
    close(into_query, drawn.cpu().double().expand(N, C))
    close(into_key, 1 - drawn.cpu().double().expand(N, C))


@granularities
@pytest.mark.parametrize("union", [False, True], ids=["mixed alone", "union"])
def test_negatives_are_mixed_with_the_permutation_drawn(
    device: torch.device, make_generator: MakeGenerator, negatives: Tensor, granularity: Granularity, union: bool
) -> None:
    queue = negatives.to(device)
    found = NegativeTransform(1.6, granularity=granularity, union=union)(queue, generator=make_generator(1)).features
    generator = make_generator(1)
    drawn = sample_coefficients(1.6, (0.0, 1.0), (K, C), granularity, generator=generator)
    permutation = torch.randperm(K, generator=generator, device=device).cpu()
    assert permutation.sort().values.tolist() == list(range(K))
    close(found[-K:], mixed(negatives, negatives[permutation], drawn))
    assert found.shape == (2 * K if union else K, C)
    assert torch.equal(found[:K].cpu(), negatives) is union
    assert torch.equal(queue.cpu(), negatives)


@pytest.mark.parametrize("query_for_negatives", ["transformed", "original"])
@pytest.mark.parametrize("renormalise", [False, True], ids=["as mixed", "renormalised"])
def test_the_loss_sees_what_the_transformation_says(
    device: torch.device,
    make_generator: MakeGenerator,
    queries: Tensor,
    keys: Tensor,
    negatives: Tensor,
    query_for_negatives: Literal["transformed", "original"],
    renormalise: bool,
) -> None:
    positive, negative = PositiveTransform(2.0, (1.0, 2.0), "sample"), NegativeTransform(1.6, union=True)
    transform = FeatureTransform(positive, negative, query_for_negatives, renormalise)
    moved = [part.to(device) for part in (queries, keys, negatives)]
    seen = transform(*moved, positive_generator=make_generator(1), negative_generator=make_generator(2))

    drawn = sample_coefficients(2.0, (1.0, 2.0), (N, C), "sample", generator=make_generator(1))
    generator = make_generator(2)
    shares = sample_coefficients(1.6, (0.0, 1.0), (K, C), "batch", generator=generator)
    partners = negatives[torch.randperm(K, generator=generator, device=device).cpu()]
    expected = [
        mixed(queries, keys, drawn),
        mixed(keys, queries, drawn),
        torch.cat([negatives.double(), mixed(negatives, partners, shares)]),
    ]
    if renormalise:
        expected = [F.normalize(part) for part in expected]
    close(seen.queries, expected[0])
    close(seen.keys, expected[1])
    close(seen.negatives, expected[2])
    close(seen.negative_queries, expected[0] if query_for_negatives == "transformed" else queries.double())


@pytest.mark.parametrize("alpha", [0.2, 1.6, 2.0])
def test_draws_follow_the_symmetric_beta_distribution(make_generator: MakeGenerator, alpha: float) -> None:
    draws = sample_symmetric_beta(alpha, (50_000,), generator=make_generator(1)).double().sort().values.cpu().numpy()
    # At a small alpha much of the mass lies closer to 0 and 1 than float32 resolves.
    resolved = (draws > 1e-6) & (draws < 1 - 1e-6)
    expected = stats.beta(alpha, alpha).cdf(draws)
    places = np.arange(len(draws) + 1) / len(draws)
    distance = max((places[1:] - expected)[resolved].max(), (expected - places[:-1])[resolved].max())
    assert distance * len(draws) ** 0.5 < 1.95  # exceeded once in a thousand


@pytest.mark.parametrize("alpha", [1e-3, 0.2, 2.0, 1e4])
def test_no_draw_is_nan_or_beyond_0_and_1_by_more_than_a_rounding(make_generator: MakeGenerator, alpha: float) -> None:
    # Of so many float32 uniforms some are 0 and some are next to 1.
    draws = sample_symmetric_beta(alpha, (2**22,), generator=make_generator(2)).double()
    assert torch.isfinite(draws).all()
    assert (draws - 0.5).abs().max().item() <= 0.5 + 2**-24
