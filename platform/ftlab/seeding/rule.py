"""The rule that gives seeds to cells: its constants, and the intervals by which it decides."""

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

# scipy.stats holds the same quantile, and takes two seconds to import.
from scipy.special import stdtr, stdtrit

from ftlab.errors import ConfigError

# Part of a pair's error rate that is kept for the last look, so that this decides nearly as a single look would; the
# early looks need less, since they are for cells that are far apart.
LAST_LOOK = 0.75


@dataclass(frozen=True)
class SeedRule:
    """The rule that decides when the seeds of two cells suffice, and with what certainty.

    After the n-th seed that two cells have in common, the mean of their n differences has a Student-t interval. The
    error rate is divided among all pairs of cells and, within a pair, among all n (error spending, Lan and DeMets 1983,
    in the form of repeated confidence intervals, Jennison and Turnbull 2000, chapter 9). By Bonferroni's inequality
    all intervals of the table cover their true differences at once with probability 1 - ``error_rate``. So a statement
    that is read from any of them, at any time, is false no more often than that: it does not matter which cell turns
    out the best, how often one looks, or how the seeds of one cell depend on the results of another.

    It assumes that differences of trials with equal seeds are independent between seeds and normal.

    Attributes:
        error_rate: Probability that any statement of the table is false, in (0, 1).
        first_seeds: Seeds that every cell gets; the first n at which a pair is looked at, at least 2.
        max_seeds: Seeds that a cell may get; the last n at which a pair is looked at.
        min_difference: Accuracy points; two cells whose difference is surely smaller count as equal.
        least_deviation: Accuracy points; a smaller standard deviation of the differences is raised to it, because a
            finite test set makes differences equal by chance.
        least_chance: A pair gets no more seeds if, by the seeds so far, ``max_seeds`` decide it with less probability.

    Raises:
        ConfigError: The error rate is no probability, or the numbers of seeds are not in order.
    """

    error_rate: float = 0.05
    first_seeds: int = 3
    max_seeds: int = 10
    min_difference: float = 0.5
    least_deviation: float = 0.1
    least_chance: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.error_rate < 1:
            raise ConfigError(f"error_rate must lie between 0 and 1, but got {self.error_rate}; usual: 0.05.")
        if not 2 <= self.first_seeds <= self.max_seeds:
            raise ConfigError(
                "first_seeds must be at least 2 and at most max_seeds, but got "
                f"first_seeds={self.first_seeds}, max_seeds={self.max_seeds}; usual: 3 and 10."
            )

    @property
    def looks(self) -> range:
        """Numbers of common seeds at which a pair is looked at."""
        return range(self.first_seeds, self.max_seeds + 1)

    def half_width(self, num_pairs: int, deviation: float, share: float) -> float:
        """Return half the width of the interval of a mean difference, in accuracy points.

        Args:
            num_pairs: Common seeds of the two cells, one of `looks`.
            deviation: Sample standard deviation of the differences.
            share: The pair's part of the error rate, see `pair_share`.
        """
        error = self.error_rate * share * self._look_share(num_pairs)
        return _quantile(num_pairs - 1, error) * max(deviation, self.least_deviation) / sqrt(num_pairs)

    def chance(self, num_pairs: int, last: int, mean: float, deviation: float, share: float) -> float:
        """Return the probability that the last look decides a pair, predicted from ``num_pairs`` seeds.

        This is the predictive probability of stochastic curtailment (Lan, Simon and Halperin 1982; Jennison and
        Turnbull 2000, chapter 10) with a flat prior on the mean and Student's t for the unknown deviation. Stopping
        by it can only leave a pair undecided, so it never makes a statement false.

        Args:
            num_pairs: Common seeds of the two cells so far, at least 2.
            last: Common seeds at the last look, more than ``num_pairs``.
            mean: Mean difference so far.
            deviation: Sample standard deviation of the differences so far.
            share: The pair's part of the error rate.
        """
        spread = max(deviation, self.least_deviation) * sqrt(1 / num_pairs - 1 / last)

        def probability_below(bound: float) -> float:
            return float(stdtr(num_pairs - 1, (bound - mean) / spread))

        half = self.half_width(last, deviation, share)
        zone = max(self.min_difference - half, 0.0)
        beyond = max(half, zone)
        within = probability_below(zone) - probability_below(-zone)
        return within + probability_below(-beyond) + 1 - probability_below(beyond)

    def _look_share(self, num_pairs: int) -> float:
        num_early = len(self.looks) - 1
        if num_early == 0:
            return 1.0
        return LAST_LOOK if num_pairs == self.max_seeds else (1 - LAST_LOOK) / num_early


def pair_share(num_cells: int, has_baseline: bool, with_baseline: bool) -> float:
    """Return the part of a table's error rate that one pair of its cells may use; the parts of all pairs add up to 1.

    Half goes to the comparisons with the baseline, half to all others, since any cell may turn out the best.

    Args:
        num_cells: Cells of the table, at least 2.
        has_baseline: Whether the table has a baseline.
        with_baseline: Whether the pair includes the baseline.

    >>> pair_share(9, has_baseline=True, with_baseline=True), pair_share(9, has_baseline=True, with_baseline=False)
    (0.0625, 0.017857142857142856)
    """
    num_pairs = num_cells * (num_cells - 1) // 2
    if not has_baseline or num_cells == 2:
        return 1 / num_pairs
    num_with_baseline = num_cells - 1
    return 0.5 / (num_with_baseline if with_baseline else num_pairs - num_with_baseline)


@lru_cache(maxsize=4096)
def _quantile(freedom: int, error: float) -> float:
    return -float(stdtrit(freedom, error / 2))
