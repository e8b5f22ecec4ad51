"""Compute the standing of every cell from the seeds so far, and the trials to train next."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite

from ftlab.seeding.pairing import CellSeeds, Decision, PairComparison, compare
from ftlab.seeding.rule import SeedRule, pair_share

# Seeds of a pair that may be under way when the next one is started.
MAX_AHEAD = 1


@dataclass(frozen=True)
class Standing:
    """The standing of a cell.

    Attributes:
        against_baseline: Its comparison with the baseline; None without a baseline and for the baseline itself.
        against_best: Its comparison with the best cell, which is "below" if it is below any cell; None for the best
            cell, and if the best is the baseline.
        is_baseline: Whether it is the baseline.
        is_best: Whether it is the best cell.
        has_diverged: Whether a trial diverged, so that it gets no more seeds.
        has_no_value: Whether all its first seeds failed, so that it gets no more seeds.
    """

    against_baseline: PairComparison | None
    against_best: PairComparison | None
    is_baseline: bool
    is_best: bool
    has_diverged: bool
    has_no_value: bool

    @property
    def gets_no_more(self) -> bool:
        """Return whether the cell gets no further seed, even if a comparison is open."""
        return self.has_diverged or self.has_no_value

    @property
    def comparisons(self) -> tuple[PairComparison, ...]:
        """Its comparisons, the one with the baseline first."""
        return tuple(found for found in (self.against_baseline, self.against_best) if found is not None)


@dataclass(frozen=True)
class Allocation:
    """The result of the rule.

    Attributes:
        standings: Standing of each cell, by its name.
        best: Name of the cell with the highest mean, among those that may get seeds; None without values.
        batch: Cell and seed of the trials to train next, most useful first; empty if all cells are settled, if the
            trials that would settle them are under way, or if too few trials are left.
    """

    standings: Mapping[str, Standing]
    best: str | None
    batch: tuple[tuple[str, int], ...]

    @property
    def is_settled(self) -> bool:
        """Return whether no cell needs a further seed, however many trials are left."""
        found = (comparison for standing in self.standings.values() for comparison in standing.comparisons)
        return all(comparison.decision is not Decision.OPEN for comparison in found)


@dataclass(frozen=True)
class _Wish:
    """The next trials that an open pair of cells needs.

    Attributes:
        trials: Cell and seed of the missing trials of its next seed.
        ahead: Seeds of the pair before this one that are under way.
        seeds_needed: See `PairComparison`.
    """

    trials: tuple[tuple[str, int], ...]
    ahead: int
    seeds_needed: float


def allocate(cells: Mapping[str, CellSeeds], baseline: str | None, rule: SeedRule, trials_left: float) -> Allocation:
    """Judge every cell against the baseline and the best cell, and return the trials to train next.

    The caller trains the first seeds of every cell. A batch holds the next seed of every open pair that the remaining
    seeds seem to decide; if there is no such pair, the next seeds of the other open pairs; and if all next seeds are
    under way, the seeds after them, so that no worker waits for a result. The pair that seems nearest to a decision
    comes first, and gets its seed in both cells or in neither.

    Args:
        cells: The seeds of each cell, in the order of the table.
        baseline: Name of the cell that all others are compared with.
        rule: The rule.
        trials_left: Trials that may still be added; infinite without a bound.
    """
    best = _best(cells, rule)
    compare_cells = _comparer(cells, baseline, rule)
    standings = {
        name: Standing(
            against_baseline=None if baseline in (None, name) else compare_cells(name, baseline),
            against_best=None if best in (None, name, baseline) else _against_best(name, best, cells, compare_cells),
            is_baseline=name == baseline,
            is_best=name == best,
            has_diverged=seeds.diverged,
            has_no_value=seeds.has_no_value(rule),
        )
        for name, seeds in cells.items()
    }
    return Allocation(standings, best, _fill(_wishes(cells, standings, (baseline, best)), trials_left))


def _comparer(
    cells: Mapping[str, CellSeeds], baseline: str | None, rule: SeedRule
) -> Callable[[str, str], PairComparison]:
    def compare_cells(name: str, reference: str) -> PairComparison:
        share = pair_share(len(cells), baseline is not None, baseline in (name, reference))
        return compare(cells[name], cells[reference], rule, share)

    return compare_cells


def _against_best(
    name: str, best: str, cells: Mapping[str, CellSeeds], compare_cells: Callable[[str, str], PairComparison]
) -> PairComparison:
    # A cell that is below any other is below the best, even while it is open which of two others is the best.
    found = compare_cells(name, best)
    higher = (other for other, seeds in cells.items() if seeds.mean > cells[name].mean and other != best)
    if found.decision is Decision.BELOW or all(
        compare_cells(name, other).decision is not Decision.BELOW for other in higher
    ):
        return found
    return PairComparison(Decision.BELOW)


def _best(cells: Mapping[str, CellSeeds], rule: SeedRule) -> str | None:
    candidates = [name for name, seeds in cells.items() if seeds.values and not seeds.diverged]
    # A mean of fewer seeds than every cell gets does not count yet, unless all means are such.
    ripe = [name for name in candidates if len(cells[name].values) >= rule.first_seeds]
    return max(ripe or candidates, key=lambda name: cells[name].mean, default=None)


def _wishes(
    cells: Mapping[str, CellSeeds], standings: Mapping[str, Standing], references: Sequence[str | None]
) -> Iterator[_Wish]:
    for name, standing in standings.items():
        compared = zip(references, (standing.against_baseline, standing.against_best), strict=True)
        for reference, comparison in compared:
            if reference is None or comparison is None:
                continue
            for ahead, seed in enumerate(comparison.next_seeds[: MAX_AHEAD + 1]):
                trials = tuple((cell, seed) for cell in (name, reference) if cells[cell].is_missing(seed))
                if trials:
                    yield _Wish(trials, ahead, comparison.seeds_needed)
                    break


def _fill(wishes: Iterable[_Wish], trials_left: float) -> tuple[tuple[str, int], ...]:
    ordered = sorted(wishes, key=lambda wish: (wish.ahead, wish.seeds_needed))
    for _, alike in groupby(ordered, key=lambda wish: (wish.ahead, isfinite(wish.seeds_needed))):
        batch: dict[tuple[str, int], None] = {}
        for wish in alike:
            added = dict.fromkeys(wish.trials)
            if len(batch | added) <= trials_left:
                batch |= added
        if batch:
            return tuple(batch)
    return ()
