"""What the seeds so far say of every cell, and which trials should be trained next."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isfinite

from ftlab.tuning.seeding.comparison import CellSeeds, Comparison, Verdict, compare
from ftlab.tuning.seeding.rule import SeedRule, pair_share

# Seeds of a pair that may be on their way while the next one is begun.
MAX_AHEAD = 1


@dataclass(frozen=True)
class Standing:
    """Where a cell stands.

    Attributes:
        against_baseline: Its comparison with the baseline; None without a baseline and for the baseline itself.
        against_best: Its comparison with the best cell, below it also when it is below any other; None for the best
            cell, and where the best is the baseline.
        is_baseline: Whether it is the baseline.
        is_best: Whether it is the best cell.
        has_diverged: Whether a trial diverged, so that it gets no more seeds.
        has_no_value: Whether all its first seeds failed, so that it gets no more seeds.
    """

    against_baseline: Comparison | None
    against_best: Comparison | None
    is_baseline: bool
    is_best: bool
    has_diverged: bool
    has_no_value: bool

    @property
    def gets_no_more(self) -> bool:
        """Whether the cell gets no further seed, whatever is open."""
        return self.has_diverged or self.has_no_value

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Its comparisons, that with the baseline first."""
        return tuple(found for found in (self.against_baseline, self.against_best) if found is not None)


@dataclass(frozen=True)
class Allocation:
    """The answer of the rule.

    Attributes:
        standings: Where each cell stands, by its name.
        best: Name of the cell with the highest mean, among those that may get seeds; None without values.
        batch: Cell and seed of the trials to train next, most useful first; empty when all cells are settled, when
            what would settle them is on its way, or when the trials that are left do not suffice.
    """

    standings: Mapping[str, Standing]
    best: str | None
    batch: tuple[tuple[str, int], ...]

    @property
    def is_settled(self) -> bool:
        """Whether no cell needs a further seed, whatever the budget."""
        found = (comparison for standing in self.standings.values() for comparison in standing.comparisons)
        return all(comparison.verdict is not Verdict.OPEN for comparison in found)


@dataclass(frozen=True)
class _Wish:
    """What an open pair of cells wants next.

    Attributes:
        trials: Cell and seed of the trials that its next seed lacks.
        ahead: Seeds of the pair that are on their way before this one.
        seeds_needed: See `Comparison`.
    """

    trials: tuple[tuple[str, int], ...]
    ahead: int
    seeds_needed: float


def allocate(cells: Mapping[str, CellSeeds], baseline: str | None, rule: SeedRule, trials_left: float) -> Allocation:
    """Judge every cell against the baseline and the best, and say which trials would decide what is open.

    The first seeds of every cell are the caller's to train. A batch holds the next seed of every open pair that seems
    decidable by the seeds that are left; of the others when there are none; and the seed after that when all next seeds
    are on their way, so that no worker waits for a result. Among them the pair that seems nearest to its decision comes
    first, and gets its seed in both cells or in none.

    Args:
        cells: What is known of each cell, in the order of the table.
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


def _comparer(cells: Mapping[str, CellSeeds], baseline: str | None, rule: SeedRule) -> Callable[[str, str], Comparison]:
    def compare_cells(name: str, reference: str) -> Comparison:
        share = pair_share(len(cells), baseline is not None, baseline in (name, reference))
        return compare(cells[name], cells[reference], rule, share)

    return compare_cells


def _against_best(
    name: str, best: str, cells: Mapping[str, CellSeeds], compare_cells: Callable[[str, str], Comparison]
) -> Comparison:
    # A cell that is below any other is below the best there is, even while two others contend for that place.
    found = compare_cells(name, best)
    higher = (other for other, seeds in cells.items() if seeds.mean > cells[name].mean and other != best)
    if found.verdict is Verdict.BELOW or all(
        compare_cells(name, other).verdict is not Verdict.BELOW for other in higher
    ):
        return found
    return Comparison(Verdict.BELOW)


def _best(cells: Mapping[str, CellSeeds], rule: SeedRule) -> str | None:
    candidates = [name for name, seeds in cells.items() if seeds.values and not seeds.diverged]
    # A mean of fewer seeds than all cells get is no rank yet, unless there is no other.
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
