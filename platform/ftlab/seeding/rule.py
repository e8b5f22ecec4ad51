"""The rule that gives seeds to cells: its constants, and the intervals by which it decides."""

from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from ftlab.errors import ConfigError
from ftlab.reporting.inference.paired_t import ERROR_RATE, MIN_PAIRS, half_width, probability_below

# Part of a pair's error rate that is kept for the last look, so that this decides nearly as a single look would; the
# early looks need less, since they are for cells that are far apart.
LAST_LOOK = 0.75


@dataclass(frozen=True)
class SeedRule:
    """The rule that decides when the seeds of a cell and its baseline suffice, and with what certainty.

    After 5, 7 and 10 seeds, the mean difference of the seeds that are healthy in both has a Student-t interval. The
    error rate is divided among the cells of a baseline and, within a cell, among the looks (repeated confidence
    intervals: Jennison and Turnbull 1989, doi:10.1111/j.2517-6161.1989.tb01433.x). By Bonferroni's inequality all
    intervals cover their true differences at once with probability 1 - ``error_rate``. So a statement that is read
    from any of them, at any look, is false no more often than that.

    It assumes that differences of trials with equal seeds are independent between seeds and normal, as long as both
    trials are healthy. Collapses are counted apart and decide nothing about the difference.

    Attributes:
        error_rate: Probability that any statement about a baseline's cells is false, in (0, 1).
        looks: Numbers of seeds at which a cell is compared; every cell gets the first, and none more than the last.
        min_difference: Accuracy points; two cells whose difference is surely smaller count as equal.
        least_deviation: Accuracy points; a smaller standard deviation of the differences is raised to it, because a
            finite test set makes differences equal by chance.
        least_chance: A cell gets no more seeds if, by the seeds so far, the last look decides with less probability.

    Raises:
        ConfigError: The error rate is no probability, or the looks are not in order.
    """

    error_rate: float = ERROR_RATE
    looks: tuple[int, ...] = (5, 7, 10)
    min_difference: float = 0.5
    least_deviation: float = 0.1
    least_chance: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.error_rate < 1:
            raise ConfigError(f"error_rate must lie between 0 and 1, but got {self.error_rate}; usual: 0.05.")
        if (
            not self.looks
            or self.looks[0] < MIN_PAIRS
            or any(first >= second for first, second in pairwise(self.looks))
        ):
            raise ConfigError(f"looks must rise from at least {MIN_PAIRS}, but got {self.looks}; usual: (5, 7, 10).")

    @property
    def first_seeds(self) -> int:
        """Seeds that every cell gets."""
        return self.looks[0]

    @property
    def max_seeds(self) -> int:
        """Seeds that a cell may get."""
        return self.looks[-1]

    def half_width(self, look: int, num_pairs: int, deviation: float, share: float) -> float:
        """Return half the width of the interval of a mean difference, in accuracy points.

        Args:
            look: Number of seeds, one of `looks`.
            num_pairs: How many of them are healthy in both cells, at least 2.
            deviation: Sample standard deviation of the differences.
            share: The cell's part of the error rate: 1 by the cells of its baseline.
        """
        error = self.error_rate * share * self._look_share(look)
        return half_width(num_pairs, max(deviation, self.least_deviation), error)

    def chance(self, num_pairs: int, last: int, mean: float, deviation: float, share: float) -> float:
        """Return the probability that the last look decides a cell, predicted from ``num_pairs`` seeds.

        This is the predictive probability of stochastic curtailment (Lan, Simon and Halperin 1982; Jennison and
        Turnbull 2000, chapter 10) with a flat prior on the mean and Student's t for the unknown deviation. Stopping
        by it can only leave a cell undecided, so it never makes a statement false.

        Args:
            num_pairs: Pairs so far, at least 2.
            last: Pairs that the last look may have, more than ``num_pairs``.
            mean: Mean difference so far.
            deviation: Sample standard deviation of the differences so far.
            share: The cell's part of the error rate.
        """
        spread = max(deviation, self.least_deviation) * sqrt(1 / num_pairs - 1 / last)

        def chance_below(bound: float) -> float:
            return probability_below((bound - mean) / spread, num_pairs - 1)

        half = self.half_width(self.max_seeds, last, deviation, share)
        zone = max(self.min_difference - half, 0.0)
        beyond = max(half, zone)
        within = chance_below(zone) - chance_below(-zone)
        return within + chance_below(-beyond) + 1 - chance_below(beyond)

    def _look_share(self, look: int) -> float:
        num_early = len(self.looks) - 1
        if num_early == 0:
            return 1.0
        return LAST_LOOK if look == self.max_seeds else (1 - LAST_LOOK) / num_early
