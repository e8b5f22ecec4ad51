"""Compare two cells by the seeds that they share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import fsum, inf, nan, sqrt

from ftlab.seeding.rule import SeedRule


@dataclass(frozen=True)
class CellSeeds:
    """The seeds of a cell so far.

    Attributes:
        values: Accuracy in percent by seed, of finished and collapsed trials.
        failed: Seeds whose trial ended without a value.
        pending: Seeds whose trial is waiting or running.
        diverged: Whether a trial's loss became NaN or infinite; such a cell gets no more seeds.
    """

    values: Mapping[int, float] = field(default_factory=dict)
    failed: frozenset[int] = frozenset()
    pending: frozenset[int] = frozenset()
    diverged: bool = False

    @property
    def mean(self) -> float:
        """Mean of the values; NaN without any."""
        return fsum(self.values.values()) / len(self.values) if self.values else nan

    def has_no_value(self, rule: SeedRule) -> bool:
        """Return whether all its first seeds failed and no trial has a value, so that more seeds would not help."""
        return not self.values and len(self.failed) >= rule.first_seeds

    def gets_no_more(self, rule: SeedRule) -> bool:
        """Return whether the cell gets no further seed, even if a comparison is open."""
        return self.diverged or self.has_no_value(rule)

    def is_missing(self, seed: int) -> bool:
        """Return whether a seed is neither trained nor under way."""
        return seed not in self.values and seed not in self.failed and seed not in self.pending


class Decision(StrEnum):
    """The decision on a cell from the seeds that it has in common with another."""

    ABOVE = "above"
    BELOW = "below"
    WITHIN = "within"
    UNLIKELY = "unlikely to be decided by the last seed"
    UNDECIDED = "undecided at the last seed"
    BLOCKED = "one of the two gets no more seeds"
    OPEN = "open"

    @property
    def is_decided(self) -> bool:
        """Return whether the decision is a statement about the difference."""
        return self in (Decision.ABOVE, Decision.BELOW, Decision.WITHIN)


@dataclass(frozen=True)
class PairComparison:
    """A cell against a reference.

    Attributes:
        decision: The statement about the difference, or the reason why there is none.
        next_seeds: Seeds that at least one of the two cells lacks, in order; empty unless open.
        seeds_needed: Further seeds after which it would be decided if mean and deviation stay the same; infinite if
            the remaining seeds would not suffice.
    """

    decision: Decision
    next_seeds: tuple[int, ...] = ()
    seeds_needed: float = inf


def compare(cell: CellSeeds, reference: CellSeeds, rule: SeedRule, share: float) -> PairComparison:
    """Compare two cells by the differences of their trials with equal seeds.

    Seeds count in their order, up to the first that is missing, so that the result does not depend on which trial
    happened to be faster; a seed that failed in either cell is skipped. A decision by a number of seeds stays, whatever
    later seeds show.

    Args:
        cell: The cell that is judged.
        reference: The cell that it is compared with.
        rule: The rule.
        share: The pair's part of the error rate, see `ftlab.seeding.rule.pair_share`.
    """
    seeds = [seed for seed in range(rule.max_seeds) if seed not in cell.failed and seed not in reference.failed]
    absent = tuple(seed for seed in seeds if seed not in cell.values or seed not in reference.values)
    common = seeds[: seeds.index(absent[0])] if absent else seeds
    differences = [cell.values[seed] - reference.values[seed] for seed in common]
    mean, deviation = nan, nan
    for num_pairs in range(rule.first_seeds, len(common) + 1):
        mean, deviation = _moments(differences[:num_pairs])
        decision = _judge(mean, rule.half_width(num_pairs, deviation, share), rule)
        if decision is not None:
            return PairComparison(decision)
    if not absent:
        return PairComparison(Decision.UNDECIDED)
    if cell.gets_no_more(rule) or reference.gets_no_more(rule):
        return PairComparison(Decision.BLOCKED)
    if len(common) < rule.first_seeds:
        return PairComparison(Decision.OPEN, absent, rule.first_seeds - len(common))
    if rule.chance(len(common), len(seeds), mean, deviation, share) < rule.least_chance:
        return PairComparison(Decision.UNLIKELY)
    looks = range(len(common) + 1, len(seeds) + 1)
    deciding = (n for n in looks if _judge(mean, rule.half_width(n, deviation, share), rule) is not None)
    return PairComparison(Decision.OPEN, absent, next(deciding, inf) - len(common))


def _moments(values: list[float]) -> tuple[float, float]:
    mean = fsum(values) / len(values)
    return mean, sqrt(fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _judge(mean: float, half_width: float, rule: SeedRule) -> Decision | None:
    if abs(mean) > half_width:
        return Decision.ABOVE if mean > 0 else Decision.BELOW
    return Decision.WITHIN if abs(mean) + half_width < rule.min_difference else None
