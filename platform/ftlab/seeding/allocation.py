"""Compute the standing of every cell from the seeds so far, and the trials to train next."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from math import isfinite

from ftlab.seeding.pairing import CellSeeds, Decision, PairComparison, compare
from ftlab.seeding.rule import SeedRule

# Seeds of a cell that may be under way when the next one is started: those up to the next look are sure to be needed.
MAX_AHEAD = 2


@dataclass(frozen=True)
class Standing:
    """The standing of a cell.

    Attributes:
        against_baseline: Its comparison with its baseline; None without one and for a baseline itself.
        baseline: Name of its baseline; None without one.
        is_baseline: Whether it is a baseline.
        has_diverged: Whether a trial diverged, so that it gets no more seeds.
        has_no_value: Whether all its first seeds failed, so that it gets no more seeds.
    """

    against_baseline: PairComparison | None
    baseline: str | None
    is_baseline: bool
    has_diverged: bool
    has_no_value: bool

    @property
    def gets_no_more(self) -> bool:
        """Return whether the cell gets no further seed, even if a comparison is open."""
        return self.has_diverged or self.has_no_value


@dataclass(frozen=True)
class Allocation:
    """The result of the rule.

    Attributes:
        standings: Standing of each cell, by its name.
        batch: Cell and seed of the trials to train next, most useful first; empty if all cells are settled, if the
            trials that would settle them are under way, or if too few trials are left.
    """

    standings: Mapping[str, Standing]
    batch: tuple[tuple[str, int], ...]

    @property
    def is_settled(self) -> bool:
        """Return whether no cell needs a further seed, however many trials are left."""
        found = (standing.against_baseline for standing in self.standings.values())
        return all(comparison is None or comparison.decision is not Decision.OPEN for comparison in found)


@dataclass(frozen=True)
class _Wish:
    """The next trials that an open cell and its baseline need.

    Attributes:
        trials: Cell and seed of the missing trials of its next seed.
        ahead: Seeds of the two before this one that are under way.
        seeds_needed: See `PairComparison`.
    """

    trials: tuple[tuple[str, int], ...]
    ahead: int
    seeds_needed: float


def allocate(
    cells: Mapping[str, CellSeeds], baselines: Mapping[str, str], rule: SeedRule, trials_left: float
) -> Allocation:
    """Judge every cell against its baseline, and return the trials to train next.

    The caller trains the first seeds of every cell. A batch holds the next seed of every open cell that the remaining
    seeds seem to decide; if there is no such cell, the next seeds of the other open cells; and if all next seeds are
    under way, the seeds after them, so that no worker waits for a result before the next look. The cell that seems
    nearest to a decision comes first, and gets its seed together with its baseline or not at all.

    Args:
        cells: The seeds of each cell, in the order of the table.
        baselines: Name of the baseline of each cell; a baseline has itself.
        rule: The rule.
        trials_left: Trials that may still be added; infinite without a bound.
    """
    compared = {name: baseline for name, baseline in baselines.items() if baseline != name}
    sizes = Counter(compared.values())
    standings = {
        name: Standing(
            against_baseline=compare(seeds, cells[compared[name]], rule, 1 / sizes[compared[name]])
            if name in compared
            else None,
            baseline=baselines.get(name),
            is_baseline=baselines.get(name) == name,
            has_diverged=seeds.diverged,
            has_no_value=seeds.has_no_value(rule),
        )
        for name, seeds in cells.items()
    }
    return Allocation(standings, _fill(_wishes(cells, standings), trials_left))


def _wishes(cells: Mapping[str, CellSeeds], standings: Mapping[str, Standing]) -> Iterator[_Wish]:
    for name, standing in standings.items():
        comparison, baseline = standing.against_baseline, standing.baseline
        if comparison is None or baseline is None:
            continue
        for ahead, seed in enumerate(comparison.next_seeds[: MAX_AHEAD + 1]):
            trials = tuple((cell, seed) for cell in (name, baseline) if cells[cell].is_missing(seed))
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
