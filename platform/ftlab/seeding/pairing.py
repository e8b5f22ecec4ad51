"""Compare a cell with its baseline by the seeds that both have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import fsum, inf, sqrt

from ftlab.reporting.inference.collapse import CollapseRate, collapse_rate
from ftlab.reporting.inference.paired_t import MIN_PAIRS
from ftlab.seeding.rule import SeedRule


@dataclass(frozen=True)
class CellSeeds:
    """The seeds of a cell so far.

    Attributes:
        values: Accuracy in percent by seed, of healthy trials.
        collapsed: Seeds whose trial collapsed.
        failed: Seeds whose trial ended without a value.
        pending: Seeds whose trial is waiting or running.
        diverged: Whether a trial's loss became NaN or infinite; such a cell gets no more seeds.
    """

    values: Mapping[int, float] = field(default_factory=dict)
    collapsed: frozenset[int] = frozenset()
    failed: frozenset[int] = frozenset()
    pending: frozenset[int] = frozenset()
    diverged: bool = False

    @property
    def results(self) -> frozenset[int]:
        """Seeds whose trial trained to its end."""
        return self.collapsed.union(self.values)

    @property
    def collapse(self) -> CollapseRate:
        """Rate of collapse among the trials that trained to their end."""
        return collapse_rate(len(self.collapsed), len(self.results))

    def has_no_value(self, rule: SeedRule) -> bool:
        """Return whether all its first seeds failed and no trial has a result, so that more seeds would not help."""
        return not self.results and len(self.failed) >= rule.first_seeds

    def gets_no_more(self, rule: SeedRule) -> bool:
        """Return whether the cell gets no further seed, even if a comparison is open."""
        return self.diverged or self.has_no_value(rule)

    def is_missing(self, seed: int) -> bool:
        """Return whether a seed is neither trained nor under way."""
        return seed not in self.results and seed not in self.failed and seed not in self.pending


class Decision(StrEnum):
    """The decision on a cell from the seeds that it has in common with its baseline."""

    ABOVE = "above"
    BELOW = "below"
    WITHIN = "within"
    FEW = "too few seeds are healthy in both"
    UNLIKELY = "unlikely to be decided by the last seed"
    UNDECIDED = "undecided at the last seed"
    BLOCKED = "one of the two gets no more seeds"
    OPEN = "open"

    @property
    def is_decided(self) -> bool:
        """Return whether the decision is a statement about the difference."""
        return self in (Decision.ABOVE, Decision.BELOW, Decision.WITHIN)

    @property
    def direction(self) -> int:
        """1 for a cell above its baseline, -1 for one below it, else 0."""
        return (self is Decision.ABOVE) - (self is Decision.BELOW)


@dataclass(frozen=True)
class Look:
    """The difference at a look, of the seeds that are healthy in both cells.

    Attributes:
        num_seeds: Seeds of the look.
        num_pairs: How many of them are healthy in both cells.
        mean: Mean difference.
        deviation: Sample standard deviation of the differences.
        half_width: Half the width of the repeated confidence interval.
    """

    num_seeds: int
    num_pairs: int
    mean: float
    deviation: float
    half_width: float


@dataclass(frozen=True)
class PairComparison:
    """A cell against its baseline.

    Attributes:
        decision: The statement about the difference, or the reason why there is none.
        look: The look that decided, or the last one; None before the first one with at least four pairs.
        next_seeds: Seeds that at least one of the two cells lacks, in order; empty unless open.
        seeds_needed: Further seeds after which it would be decided if mean and deviation stay the same; infinite if
            the remaining seeds would not suffice.
    """

    decision: Decision
    look: Look | None = None
    next_seeds: tuple[int, ...] = ()
    seeds_needed: float = inf


def compare(cell: CellSeeds, reference: CellSeeds, rule: SeedRule, share: float) -> PairComparison:
    """Compare a cell with its baseline by the differences of their healthy trials with equal seeds.

    Looks count seeds in their order, up to the first that is missing, so that the result does not depend on which
    trial happened to be faster; a seed that failed in either cell is skipped. A decision by a look stays, whatever
    later seeds show.

    Args:
        cell: The cell that is judged.
        reference: Its baseline.
        rule: The rule.
        share: The cell's part of the error rate: 1 by the cells of its baseline.
    """
    failed = cell.failed | reference.failed
    ended = (cell.results & reference.results) | failed
    absent = tuple(seed for seed in range(rule.max_seeds) if seed not in ended)
    num_ended = absent[0] if absent else rule.max_seeds
    seen = None
    for num_seeds in (look for look in rule.looks if look <= num_ended):
        seen = _look(cell, reference, rule, num_seeds, share) or seen
        decision = _decide(seen.mean, seen.half_width, rule) if seen else None
        if decision is not None:
            return PairComparison(decision, seen)
    if not absent:
        return PairComparison(Decision.UNDECIDED if seen else Decision.FEW, seen)
    if cell.gets_no_more(rule) or reference.gets_no_more(rule):
        return PairComparison(Decision.BLOCKED, seen)
    if num_ended < rule.first_seeds:
        return PairComparison(Decision.OPEN, seen, absent, rule.first_seeds - num_ended)
    passed = max(look for look in rule.looks if look <= num_ended)
    share_healthy = len(_pairs(cell, reference, passed)) / passed
    if share_healthy * rule.max_seeds < MIN_PAIRS:
        return PairComparison(Decision.FEW, seen)
    return _predict(seen, rule, share, share_healthy, num_ended, absent)


def _predict(
    seen: Look | None, rule: SeedRule, share: float, share_healthy: float, num_ended: int, absent: tuple[int, ...]
) -> PairComparison:
    """Return the comparison of an open cell, with its prospects if as many seeds go on being healthy."""
    if seen is None:
        return PairComparison(Decision.OPEN, None, absent, absent[-1] + 1 - num_ended)
    pairs = {look: max(seen.num_pairs + 1, round(share_healthy * look)) for look in rule.looks if look > seen.num_seeds}
    if rule.chance(seen.num_pairs, pairs[rule.max_seeds], seen.mean, seen.deviation, share) < rule.least_chance:
        return PairComparison(Decision.UNLIKELY, seen)
    widths = {look: rule.half_width(look, num_pairs, seen.deviation, share) for look, num_pairs in pairs.items()}
    deciding = (look for look, width in widths.items() if _decide(seen.mean, width, rule) is not None)
    return PairComparison(Decision.OPEN, seen, absent, next(deciding, inf) - num_ended)


def _pairs(cell: CellSeeds, reference: CellSeeds, num_seeds: int) -> list[float]:
    seeds = (seed for seed in range(num_seeds) if seed in cell.values and seed in reference.values)
    return [cell.values[seed] - reference.values[seed] for seed in seeds]


def _look(cell: CellSeeds, reference: CellSeeds, rule: SeedRule, num_seeds: int, share: float) -> Look | None:
    pairs = _pairs(cell, reference, num_seeds)
    if len(pairs) < MIN_PAIRS:
        return None
    mean, deviation = _moments(pairs)
    return Look(num_seeds, len(pairs), mean, deviation, rule.half_width(num_seeds, len(pairs), deviation, share))


def _moments(values: Sequence[float]) -> tuple[float, float]:
    mean = fsum(values) / len(values)
    return mean, sqrt(fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _decide(mean: float, half_width: float, rule: SeedRule) -> Decision | None:
    if abs(mean) > half_width:
        return Decision.ABOVE if mean > 0 else Decision.BELOW
    return Decision.WITHIN if abs(mean) + half_width < rule.min_difference else None
