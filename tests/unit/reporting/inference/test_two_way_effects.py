from math import isnan, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t

from ftlab.reporting.inference.paired_t import PERCENT, PLAIN
from ftlab.reporting.inference.two_way_effects import seeds_and_images


def sample(
    seed: int, *, seeds: int = 5, images: int = 80, deviations: tuple[float, ...] = (1.0, 3.0, 2.0)
) -> NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    shapes = ((seeds, 1), (1, images), (seeds, images))
    return sum(
        deviation * generator.standard_normal(shape) for deviation, shape in zip(deviations, shapes, strict=True)
    )


def test_it_agrees_with_sums_in_loops() -> None:
    values = sample(0, seeds=4, images=6)
    rows, columns = values.shape
    mean = sum(sum(row) for row in values) / (rows * columns)
    row_means = [sum(row) / columns for row in values]
    column_means = [sum(column) / rows for column in values.T]
    of_seeds = columns * sum((found - mean) ** 2 for found in row_means) / (rows - 1)
    of_images = rows * sum((found - mean) ** 2 for found in column_means) / (columns - 1)
    rest = 0.0
    for row in range(rows):
        for column in range(columns):
            rest += (values[row, column] - row_means[row] - column_means[column] + mean) ** 2
    rest /= (rows - 1) * (columns - 1)
    total = of_seeds + of_images - rest
    degrees = total**2 / (
        of_seeds**2 / (rows - 1) + of_images**2 / (columns - 1) + rest**2 / ((rows - 1) * (columns - 1))
    )
    half = t.ppf(0.975, degrees) * sqrt(total / (rows * columns))
    found = seeds_and_images(values, PLAIN)
    assert (found.low, found.high, found.degrees) == pytest.approx((mean - half, mean + half, degrees))


@pytest.mark.parametrize("deviations", [(1.0, 3.0, 2.0), (0.5, 8.0, 4.0), (2.0, 0.5, 1.0)])
def test_it_covers_the_true_mean_in_about_95_of_100_samples(deviations: tuple[float, ...]) -> None:
    found = [seeds_and_images(sample(seed, deviations=deviations), PLAIN) for seed in range(600)]
    assert 0.92 <= np.mean([each.low <= 0.0 <= each.high for each in found]) <= 0.99


def test_it_is_wider_than_the_interval_over_seeds_alone_when_images_differ() -> None:
    values = sample(0, deviations=(0.1, 5.0, 0.1))
    own = values.mean(axis=1)
    found = seeds_and_images(values, PLAIN)
    assert found.high - found.low > 5 * 2 * t.ppf(0.975, len(own) - 1) * own.std(ddof=1) / sqrt(len(own))


def test_images_that_differ_alike_in_both_cells_fall_out_of_a_difference() -> None:
    images = sample(0, deviations=(0.0, 20.0, 0.0))
    first, second = (images + sample(seed, deviations=(1.0, 0.0, 1.0)) for seed in (1, 2))
    single, paired = seeds_and_images(first, PLAIN), seeds_and_images(first - second, PLAIN)
    assert paired.high - paired.low < (single.high - single.low) / 2


def test_it_is_cut_to_the_scale() -> None:
    found = seeds_and_images(99.0 + sample(0, deviations=(3.0, 3.0, 1.0)), PERCENT)
    assert found.high == 100.0


@pytest.mark.parametrize("values", [np.ones((5, 9)), np.ones((1, 9)), np.ones((5, 1)), np.ones((0, 9))])
def test_without_spread_or_samples_there_is_none(values: NDArray[np.float64]) -> None:
    found = seeds_and_images(values, PERCENT)
    assert isnan(found.low)
    assert isnan(found.degrees)
