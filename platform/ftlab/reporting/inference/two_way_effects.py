"""The uncertainty of a mean over seeds and test images, both of which are samples."""

from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from ftlab.reporting.inference.paired_t import ERROR_RATE, Scale, quantile


@dataclass(frozen=True)
class SampledInterval:
    """The interval of a mean over both sources; NaN where there are fewer than two seeds or images, or no spread.

    Attributes:
        low: Lower end of the 95% interval.
        high: Upper end.
        degrees: Degrees of freedom.
    """

    low: float = nan
    high: float = nan
    degrees: float = nan


def seeds_and_images(values: NDArray[np.float64], scale: Scale) -> SampledInterval:
    """Return the interval of the mean of a table of seeds and test images, both taken as random effects.

    The variance of the mean is ``max(0, MS_seed + MS_image - MS_rest) / (n_seeds n_images)`` (Cornfield and Tukey 1956,
    doi:10.1214/aoms/1177728067) with Satterthwaite's degrees of freedom (1946, doi:10.2307/3002019). It answers for
    other seeds *and* other images of the same kind, where the interval over seeds keeps the test set.

    Args:
        values: (n_seeds, n_images), e.g. whether each image was classified rightly, or differences of that.
        scale: Scale of the values, whose ends cut the interval.
    """
    num_seeds, num_images = values.shape
    if num_seeds < 2 or num_images < 2:
        return SampledInterval()
    mean = values.mean()
    of_seeds, of_images = values.mean(axis=1, keepdims=True), values.mean(axis=0, keepdims=True)
    freedoms = np.array([num_seeds - 1, num_images - 1, (num_seeds - 1) * (num_images - 1)])
    squares = np.array(
        [
            num_images * ((of_seeds - mean) ** 2).sum(),
            num_seeds * ((of_images - mean) ** 2).sum(),
            ((values - of_seeds - of_images + mean) ** 2).sum(),
        ]
    )
    mean_squares = squares / freedoms
    total = mean_squares[0] + mean_squares[1] - mean_squares[2]
    if not total > 0.0:
        return SampledInterval()
    degrees = float(total**2 / (mean_squares**2 / freedoms).sum())
    half = quantile(degrees, ERROR_RATE) * float(np.sqrt(total / (num_seeds * num_images)))
    low, high = max(float(mean) - half, scale.low), min(float(mean) + half, scale.high)
    return SampledInterval(low, high, degrees)
