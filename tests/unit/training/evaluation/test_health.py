from itertools import combinations
from math import exp, log

import pytest
import torch
from torch.nn import functional as F

from ftlab.training.evaluation.health import MAX_IMAGES, health_images, measure_health, rankme


def make_generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


class TestRankMe:
    def test_it_is_the_number_of_equal_directions(self) -> None:
        assert rankme(torch.eye(6, 9)) == pytest.approx(6.0, rel=1e-4)

    def test_features_on_a_line_have_rank_one(self) -> None:
        line = torch.arange(1.0, 20.0)[:, None] * torch.ones(1, 5)
        assert rankme(line) == pytest.approx(1.0, abs=1e-4)

    def test_it_is_the_exponential_of_the_entropy(self) -> None:
        values = [4.0, 2.0, 1.0, 1.0]
        shares = [value / sum(values) for value in values]
        features = torch.linalg.qr(torch.randn(10, 4, generator=make_generator()))[0] * torch.tensor(values)
        assert rankme(features) == pytest.approx(exp(-sum(share * log(share) for share in shares)), rel=1e-4)

    def test_scale_decides_nothing(self) -> None:
        features = torch.randn(50, 8, generator=make_generator())
        assert rankme(1000 * features) == pytest.approx(rankme(features), rel=1e-6)

    def test_all_zeros_are_no_error(self) -> None:
        assert rankme(torch.zeros(10, 4)) == pytest.approx(1.0, abs=1e-4)


def test_alignment_and_uniformity_agree_with_loops() -> None:
    generator = make_generator()
    views = tuple(torch.randn(12, 5, generator=generator) for _ in range(2))
    found = measure_health(views[0], views[0], (views[0], views[1]))
    first, second = (F.normalize(view).double() for view in views)
    distances = [float((one - other).square().sum()) for one, other in zip(first, second, strict=True)]
    pairs = [exp(-2 * float((one - other).square().sum())) for one, other in combinations(first, 2)]
    assert found["health/alignment"] == pytest.approx(sum(distances) / 12, rel=1e-5)
    assert found["health/uniformity"] == pytest.approx(log(sum(pairs) / len(pairs)), rel=1e-5)


def test_spread_embeddings_have_a_deviation_of_one_and_equal_ones_of_zero() -> None:
    spread = torch.randn(4000, 16, generator=make_generator())
    same = torch.ones(50, 16)
    assert measure_health(spread, spread, (spread[:9], spread[:9]))["health/feature_std"] == pytest.approx(1, abs=0.01)
    assert measure_health(same, same, (same, same))["health/feature_std"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("num_images", [1, 500, MAX_IMAGES, 50_000])
def test_images_are_spread_over_all(num_images: int) -> None:
    rows = health_images(num_images)
    assert len(rows) == min(num_images, MAX_IMAGES) == len(set(rows.tolist()))
    assert (rows[0], rows[-1]) == (0, num_images - 1)
