"""Compare each cell with its baseline: one family of tests for each baseline, and an outcome for each cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan

from ftlab.reporting.inference.collapse import COLLAPSED, collapse_rate, row_outcome, told_apart
from ftlab.reporting.inference.paired_t import Scale
from ftlab.reporting.table.cell_trials import AblationTrial
from ftlab.reporting.table.comparison import Comparison, Values, compare_rows, with_checks
from ftlab.reporting.table.statistics import Summary

Trials = Sequence[AblationTrial]


@dataclass(frozen=True)
class SeenDifference:
    """The difference of a cell to its baseline at the look of a seeding rule that decided, or at the last one.

    Attributes:
        n: Seeds that were healthy in both.
        mean: Mean difference.
        low: Lower end of its repeated confidence interval.
        high: Upper end.
        direction: 1 above the baseline, -1 below it, 0 not told from it.
    """

    n: int
    mean: float
    low: float
    high: float
    direction: int


@dataclass(frozen=True)
class Seeding:
    """The reasons for the unequal numbers of seeds of a table's cells.

    Attributes:
        stopped: The reason why a cell got no more seeds, by its name.
        note: The rule that gave them, in words.
        differences: The differences that the rule saw, by name of the cell; one that it has not looked at is left out.
    """

    stopped: Mapping[str, str]
    note: str
    differences: Mapping[str, SeenDifference] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """The comparison of a cell with its baseline, and its outcome; see `ftlab.reporting.inference.collapse`."""

    comparison: Comparison
    outcome: str


def judge_cells(
    trials: Mapping[str, Trials], baselines: Mapping[str, str | None], scale: Scale, seeding: Seeding | None
) -> dict[str, Judgement]:
    """Return the judgement on each cell that has another one as its baseline.

    Args:
        trials: Trials of each cell that ended, by its name.
        baselines: Name of the baseline of each cell.
        scale: Scale of the values.
        seeding: The rule that gave seeds to cells, if there was one: then it made the comparisons.
    """
    judgements = {}
    for baseline in dict.fromkeys(name for name in baselines.values() if name is not None):
        family = [cell for cell, name in baselines.items() if name == baseline != cell]
        for cell, comparison in zip(family, _compare(family, baseline, trials, scale, seeding), strict=True):
            seen = seeding.differences.get(cell) if seeding else None
            direction = told_apart(comparison.p, comparison.difference.mean) if seen is None else seen.direction
            judgements[cell] = Judgement(comparison, _outcome(trials[cell], trials[baseline], comparison, direction))
    return judgements


def values_by_seed(trials: Trials) -> Values:
    """Return the values of the healthy trials by seed."""
    return {trial.seed: trial.value for trial in trials if trial.counts}


def _compare(
    family: Sequence[str], baseline: str, trials: Mapping[str, Trials], scale: Scale, seeding: Seeding | None
) -> list[Comparison]:
    values, reference = [values_by_seed(trials[cell]) for cell in family], values_by_seed(trials[baseline])
    comparisons = compare_rows(values, reference, scale)
    if seeding is None:
        return with_checks(comparisons, values, reference, scale)
    return [
        _as_seen(comparison, seeding.differences.get(cell))
        for cell, comparison in zip(family, comparisons, strict=True)
    ]


def _as_seen(comparison: Comparison, seen: SeenDifference | None) -> Comparison:
    """Return a comparison by the rule that gave the seeds; until its first look there is no interval."""
    difference = replace(comparison.difference, ci_low=nan, ci_high=nan)
    if seen is not None:
        difference = Summary(seen.n, seen.mean, ci_low=seen.low, ci_high=seen.high)
    return Comparison(difference, comparison.n_unpaired, effect_size=comparison.effect_size)


def _outcome(trials: Trials, baseline: Trials, comparison: Comparison, direction: int) -> str:
    ours, theirs = (
        {trial.seed: trial.status == COLLAPSED for trial in group if trial.is_result} for group in (trials, baseline)
    )
    common = ours.keys() & theirs.keys()
    in_common = sum(ours[seed] for seed in common), sum(theirs[seed] for seed in common)
    return row_outcome(direction, comparison.difference.n, collapse_rate(sum(ours.values()), len(ours)), in_common)
