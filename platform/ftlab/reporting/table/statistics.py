"""The statistics of a cell over its seeds: mean, standard deviation, interquartile mean and a 95% interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, nan, sqrt
from typing import Literal

import numpy as np

from ftlab.errors import ConfigError
from ftlab.reporting.inference.paired_t import ERROR_RATE, PLAIN, Scale

NUM_RESAMPLES = 9_999
RESAMPLING_SEED = 0
# With fewer values, bootstrap intervals hold the mean in 72 to 90% of cases instead of 95%.
MIN_BOOTSTRAPPED = 10

Interval = Literal["t", "bca"]
INTERVAL_NAMES: dict[Interval, str] = {"t": "Student-t", "bca": "BCa bootstrap"}


@dataclass(frozen=True)
class Summary:
    """Statistics of a cell over its seeds, in the unit of the values; NaN where they are not defined.

    Attributes:
        n: Number of values.
        mean: Arithmetic mean; NaN without values.
        std: Sample standard deviation (n - 1); NaN below two values.
        ci_low: Lower end of the interval of the mean; NaN below two values.
        ci_high: Upper end of that interval.
        iqm: Interquartile mean (arXiv 2108.13264): the mean without the lowest and highest floor(n / 4) values.
    """

    n: int
    mean: float = nan
    std: float = nan
    ci_low: float = nan
    ci_high: float = nan
    iqm: float = nan


def summarise(
    values: Sequence[float], interval: Interval = "t", scale: Scale = PLAIN, error: float = ERROR_RATE
) -> Summary:
    """Summarise the values of a cell's seeds; the order of the values does not change a bit of the result.

    Args:
        values: One finite value a seed.
        interval: Kind of the interval of the mean: ``t`` for Student's, which assumes normal values, or ``bca`` for
            the bias-corrected and accelerated bootstrap (Efron 1987), which does not; its resamples are seeded, and
            below ten values, where it is too narrow, there is no interval.
        scale: Scale of the values: its floor counts in Student's interval, and its bounds cut both.
        error: Probability that Student's interval misses the true mean.

    >>> summary = summarise([88.0, 89.0, 90.0])
    >>> summary.mean, summary.std, round(summary.ci_low, 3), round(summary.ci_high, 3)
    (89.0, 1.0, 86.516, 91.484)
    """
    n = len(values)
    if n == 0:
        return Summary(0)
    ordered = sorted(values)
    if ordered[0] == ordered[-1]:
        mean = iqm = ordered[0]
        std = nan if n == 1 else 0.0
    else:
        mean = fsum(ordered) / n
        std = sqrt(fsum((value - mean) ** 2 for value in ordered) / (n - 1))
        trimmed = ordered[n // 4 : n - n // 4]
        iqm = fsum(trimmed) / len(trimmed)
    low, high = scale.interval(n, mean, std, error) if interval == "t" else _bootstrap(ordered, scale)
    return Summary(n, mean, std, low, high, iqm)


def check_interval(interval: Interval, num_seeds: int) -> None:
    """Check that an interval can be had.

    Args:
        interval: Its kind.
        num_seeds: Seeds of the cell that has the fewest.

    Raises:
        ConfigError: Too few seeds for a bootstrap.
    """
    if interval == "bca" and num_seeds < MIN_BOOTSTRAPPED:
        raise ConfigError(
            f"INTERVAL=bca needs at least {MIN_BOOTSTRAPPED} seeds of every cell, but got {num_seeds}; nearest valid: "
            f"SEEDS={MIN_BOOTSTRAPPED}, or INTERVAL=t."
        )


def _bootstrap(ordered: Sequence[float], scale: Scale) -> tuple[float, float]:
    if len(ordered) < MIN_BOOTSTRAPPED or ordered[0] == ordered[-1]:
        return nan, nan
    from scipy.stats import bootstrap

    found = bootstrap(
        (ordered,),
        np.mean,
        confidence_level=1 - ERROR_RATE,
        n_resamples=NUM_RESAMPLES,
        method="BCa",
        rng=np.random.default_rng(RESAMPLING_SEED),
    ).confidence_interval
    return max(float(found.low), scale.low), min(float(found.high), scale.high)
