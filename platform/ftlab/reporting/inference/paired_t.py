"""The scale of a metric, and Student's t on it: the interval and the test that all tables use."""

import re
from dataclasses import dataclass
from functools import lru_cache
from math import inf, nan, sqrt

ERROR_RATE = 0.05
# Below it two cells are not tested: three seeds reject what has a small deviation by chance.
MIN_PAIRS = 4


@dataclass(frozen=True)
class Scale:
    """The scale of a metric.

    Attributes:
        least_deviation: A smaller standard deviation is raised to it, because a finite test set makes values equal by
            chance; 0 where no such floor is known.
        low: Least possible value.
        high: Greatest possible value.
    """

    least_deviation: float = 0.0
    low: float = -inf
    high: float = inf

    def differences(self) -> "Scale":
        """Return the scale of differences of two values."""
        return Scale(self.least_deviation, self.low - self.high, self.high - self.low)

    def deviation(self, std: float) -> float:
        """Return the standard deviation that intervals and tests use."""
        return max(std, self.least_deviation)

    def interval(self, n: int, mean: float, std: float, error: float = ERROR_RATE) -> tuple[float, float]:
        """Return Student's interval of a mean, cut to the scale; NaN below two values and without any spread.

        Args:
            n: Number of values.
            mean: Their mean.
            std: Their sample standard deviation.
            error: Probability that the interval misses the true mean.
        """
        deviation = self.deviation(std)
        if n < 2 or not deviation > 0.0:
            return nan, nan
        half = half_width(n, deviation, error)
        return max(mean - half, self.low), min(mean + half, self.high)

    def p(self, n: int, mean: float, std: float) -> float:
        """Return the two-sided p of Student's t test that a mean is 0; NaN below two values and without any spread."""
        deviation = self.deviation(std)
        if n < 2 or not deviation > 0.0:
            return nan
        return 2.0 * probability_below(-abs(mean) / (deviation / sqrt(n)), n - 1)


PLAIN = Scale()
PERCENT = Scale(least_deviation=0.1, low=0.0, high=100.0)
_ACCURACY = re.compile(r"top\d+$")


def scale_of(metric: str) -> Scale:
    """Return the scale of a metric: percent for accuracies, else one without floor and bounds.

    >>> scale_of("probe/few_shot_top1") == PERCENT, scale_of("pretrain/loss") == PLAIN
    (True, True)
    """
    return PERCENT if _ACCURACY.search(metric) else PLAIN


def half_width(n: int, deviation: float, error: float) -> float:
    """Return half the width of Student's two-sided interval of a mean of ``n`` values.

    Args:
        n: Number of values, at least 2.
        deviation: Their standard deviation.
        error: Probability that the interval misses the true mean.
    """
    return quantile(n - 1, error) * deviation / sqrt(n)


def probability_below(value: float, degrees: float) -> float:
    """Return the probability that Student's t is below a value."""
    # At use, because commands without a table need none of it; scipy.stats, with the same function, takes a second.
    from scipy.special import stdtr

    return float(stdtr(degrees, value))


@lru_cache(maxsize=4096)
def quantile(degrees: float, error: float) -> float:
    """Return the value that Student's t exceeds in size with the probability ``error``."""
    from scipy.special import stdtrit

    return -float(stdtrit(degrees, error / 2))
