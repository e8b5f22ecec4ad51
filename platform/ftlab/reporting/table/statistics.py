"""The statistics of a cell over its seeds: mean, standard deviation, interquartile mean and a 95% interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, nan, sqrt
from typing import Literal

import numpy as np

# scipy.stats holds the same quantile, and takes a second to import.
from scipy.special import stdtrit

CONFIDENCE = 0.95
NUM_RESAMPLES = 9_999
RESAMPLING_SEED = 0
# Below about this number, bootstrap intervals hold the mean in fewer than 95% of cases.
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
        ci_low: Lower end of the 95% interval of the mean; NaN below two values.
        ci_high: Upper end of that interval.
        iqm: Interquartile mean (arXiv 2108.13264): the mean without the lowest and highest floor(n / 4) values.
    """

    n: int
    mean: float = nan
    std: float = nan
    ci_low: float = nan
    ci_high: float = nan
    iqm: float = nan


def summarise(values: Sequence[float], interval: Interval = "t") -> Summary:
    """Summarise the values of a cell's seeds; the order of the values does not change a bit of the result.

    Args:
        values: One finite value a seed.
        interval: Kind of the interval of the mean: ``t`` for Student's, which assumes normal values, or ``bca`` for
            the bias-corrected and accelerated bootstrap (Efron 1987), which does not, and is too narrow below about
            ten values; its resamples are seeded.

    >>> summary = summarise([88.0, 89.0, 90.0])
    >>> summary.mean, summary.std, round(summary.ci_low, 3), round(summary.ci_high, 3)
    (89.0, 1.0, 86.516, 91.484)
    """
    n = len(values)
    if n == 0:
        return Summary(0)
    ordered = sorted(values)
    if ordered[0] == ordered[-1]:
        value = ordered[0]
        return Summary(1, value, iqm=value) if n == 1 else Summary(n, value, 0.0, value, value, value)
    mean = fsum(ordered) / n
    std = sqrt(fsum((value - mean) ** 2 for value in ordered) / (n - 1))
    trimmed = ordered[n // 4 : n - n // 4]
    low, high = _student(n, mean, std) if interval == "t" else _bootstrap(ordered)
    return Summary(n, mean, std, low, high, fsum(trimmed) / len(trimmed))


def _student(n: int, mean: float, std: float) -> tuple[float, float]:
    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * std / sqrt(n)
    return mean - half, mean + half


def _bootstrap(ordered: Sequence[float]) -> tuple[float, float]:
    from scipy.stats import bootstrap

    found = bootstrap(
        (ordered,),
        np.mean,
        confidence_level=CONFIDENCE,
        n_resamples=NUM_RESAMPLES,
        method="BCa",
        rng=np.random.default_rng(RESAMPLING_SEED),
    ).confidence_interval
    return float(found.low), float(found.high)
