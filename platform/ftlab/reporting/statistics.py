"""What the seeds of a cell say together: mean, standard deviation and the 95% interval of the mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, nan, sqrt

# scipy.stats holds the same quantile, and takes two seconds to import.
from scipy.special import stdtrit

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Summary:
    """Statistics of a cell over its seeds, in the unit of the values; NaN where they are not defined.

    Attributes:
        n: Number of values.
        mean: Arithmetic mean; NaN without values.
        std: Sample standard deviation (n - 1); NaN below two values.
        ci_low: Lower end of the 95% Student-t interval of the mean; NaN below two values.
        ci_high: Upper end of that interval.
    """

    n: int
    mean: float = nan
    std: float = nan
    ci_low: float = nan
    ci_high: float = nan


def summarise(values: Sequence[float]) -> Summary:
    """Summarise the values of a cell's seeds; the order of the values does not change a bit of the result.

    Args:
        values: One finite value a seed.

    >>> summary = summarise([88.0, 89.0, 90.0])
    >>> summary.mean, summary.std, round(summary.ci_low, 3), round(summary.ci_high, 3)
    (89.0, 1.0, 86.516, 91.484)
    """
    n = len(values)
    if n == 0:
        return Summary(0)
    mean = fsum(values) / n
    if n == 1:
        return Summary(1, mean)
    std = sqrt(fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * std / sqrt(n)
    return Summary(n, mean, std, mean - half, mean + half)
