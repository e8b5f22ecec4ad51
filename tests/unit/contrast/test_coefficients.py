import numpy as np
import pytest
import torch
from scipy import stats

from ftlab.contrast.transform import Granularity, sample_coefficients, sample_symmetric_beta

NUM_DRAWS = 50_000
KOLMOGOROV_SMIRNOV_999 = 1.95  # of sqrt(n) times the distance: exceeded once in a thousand


def make_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("alpha", [0.02, 0.2, 0.5, 1.0, 1.6, 2.0, 10.0])
def test_draws_follow_the_symmetric_beta_distribution(alpha: float) -> None:
    draws = sample_symmetric_beta(alpha, (NUM_DRAWS,), generator=make_generator(1)).double().sort().values.numpy()
    # At a small alpha much of the mass lies closer to 0 and 1 than float32 resolves.
    resolved = (draws > 1e-6) & (draws < 1 - 1e-6)
    expected = stats.beta(alpha, alpha).cdf(draws)
    above = np.arange(1, NUM_DRAWS + 1) / NUM_DRAWS - expected
    below = expected - np.arange(NUM_DRAWS) / NUM_DRAWS
    distance = max(above[resolved].max(), below[resolved].max())
    assert distance * NUM_DRAWS**0.5 < KOLMOGOROV_SMIRNOV_999


@pytest.mark.parametrize("alpha", [1.0, 1.6, 2.0, 10.0])
def test_draws_pass_the_kolmogorov_smirnov_test(alpha: float) -> None:
    draws = sample_symmetric_beta(alpha, (NUM_DRAWS,), generator=make_generator(2)).double().numpy()
    assert stats.kstest(draws, stats.beta(alpha, alpha).cdf).pvalue > 1e-3


@pytest.mark.parametrize("alpha", [1e-3, 0.02, 0.2, 0.5, 1.0, 1.6, 2.0, 10.0, 1e4, 1e8])
def test_draws_are_finite_and_within_0_and_1(alpha: float) -> None:
    draws = sample_symmetric_beta(alpha, (NUM_DRAWS,), generator=make_generator(3))
    assert draws.dtype == torch.float32
    assert torch.isfinite(draws).all()
    assert draws.min() >= 0.0
    assert draws.max() <= 1.0
    # Ten deviations of the mean of draws whose variance is 1 / (4 (2 alpha + 1)).
    assert abs(draws.double().mean().item() - 0.5) < 10 * (4 * (2 * alpha + 1) * NUM_DRAWS) ** -0.5 + 1e-7


@pytest.mark.parametrize("alpha", [0.2, 2.0, 10.0])
def test_a_uniform_of_exactly_zero_gives_a_half(alpha: float) -> None:
    seed, shape = 2313, (4096,)  # one in 2^24 uniforms is 0: this seed draws it early
    zeros = torch.rand(shape, generator=make_generator(seed)) == 0.0
    assert zeros.sum() == 1
    draws = sample_symmetric_beta(alpha, shape, generator=make_generator(seed))
    assert draws[zeros].item() == 0.5
    assert torch.isfinite(draws).all()


def test_the_same_generator_gives_the_same_draws() -> None:
    first, second = (sample_symmetric_beta(2.0, (3, 4), generator=make_generator(5)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, sample_symmetric_beta(2.0, (3, 4), generator=make_generator(6)))


def test_mean_hardening_of_positives_at_the_papers_alpha() -> None:
    coefficients = sample_coefficients(2.0, (1.0, 2.0), (NUM_DRAWS, 1), "element", generator=make_generator(7)).double()
    factors = 1 + 2 * coefficients * (coefficients - 1)
    assert factors.mean().item() == pytest.approx(2.6, abs=0.02)
    assert factors.min() >= 1.0
    assert factors.max() <= 5.0


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (1.0, 2.0), (1.2, 1.5), (0.0, 0.5), (1.3, 1.3)])
def test_coefficients_fill_their_range_and_stay_in_it(bounds: tuple[float, float]) -> None:
    coefficients = sample_coefficients(0.2, bounds, (2000, 2), "element", generator=make_generator(8))
    low, high = bounds
    assert coefficients.min().item() == pytest.approx(low, abs=1e-3)
    assert coefficients.max().item() == pytest.approx(high, abs=1e-3)
    assert coefficients.min().item() >= np.float32(low)
    assert coefficients.max().item() <= np.float32(high)


@pytest.mark.parametrize(
    ("granularity", "shape"),
    [("batch", (1, 1)), ("sample", (6, 1)), ("dimension", (1, 3)), ("element", (6, 3))],
)
def test_granularity_decides_the_number_of_coefficients(granularity: Granularity, shape: tuple[int, int]) -> None:
    coefficients = sample_coefficients(1.6, (0.0, 1.0), (6, 3), granularity, generator=make_generator(9))
    assert coefficients.shape == shape
    assert coefficients.unique().numel() == shape[0] * shape[1]


@pytest.mark.parametrize("alpha", [1e-4, 1e-3, 0.01, 0.1, 0.2, 1.6])
def test_no_draw_is_rounded_beyond_0_or_1(alpha: float) -> None:
    draws = sample_symmetric_beta(alpha, (200_000,), generator=make_generator(3))
    assert draws.min() >= 0.0
    assert draws.max() <= 1.0
