"""The ablation table: one row per cell, computed from recorded trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Literal

import pandas as pd

from ftlab.errors import ConfigError, nearest
from ftlab.reporting.table.axes import Axes
from ftlab.reporting.table.cell_trials import COLLAPSED, FAILED, AblationTrial, Cell, find_trials
from ftlab.reporting.table.comparability import Caveat, find_caveats
from ftlab.reporting.table.comparison import Comparison, compare, correct
from ftlab.reporting.table.published import PublishedSeries, PublishedValue
from ftlab.reporting.table.statistics import Interval, Summary, summarise

__all__ = ["COLLAPSED", "AblationRow", "AblationTable", "AblationTrial", "Cell", "Rank", "Seeding", "ablate"]

Rank = Literal[1, 2] | None


@dataclass(frozen=True)
class AblationRow:
    """A cell of the table.

    Attributes:
        cell: Name of the cell.
        axes: Values by dotted name.
        summary: Statistics over finished and collapsed trials; collapse is a result and is not averaged away.
        n_trials: Trials that ended: finished, collapsed or failed.
        n_collapsed: Trials that collapsed.
        n_failed: Trials that failed; they have no value.
        n_missing: Trials that the row needs and that have not ended.
        published: The published value of the cell.
        rank: 1 for the best mean of the table, 2 for the second best, ties included; None for all others.
        comparison: The difference to the baseline; None for the baseline itself and in a table without one.
        caveats: Facts beside the axes in which its trials differ from the baseline's, or from each other.
    """

    cell: str
    axes: Axes
    summary: Summary
    n_trials: int
    n_collapsed: int
    n_failed: int
    n_missing: int
    published: PublishedValue | None
    rank: Rank
    comparison: Comparison | None = None
    caveats: tuple[Caveat, ...] = ()


@dataclass(frozen=True)
class Seeding:
    """The reasons for the unequal numbers of seeds of a table's cells.

    Attributes:
        stopped: The reason why a cell got no more seeds, by its name.
        note: The rule that gave them, in words.
    """

    stopped: Mapping[str, str]
    note: str


@dataclass(frozen=True)
class AblationTable:
    """Everything that a rendered table or figure shows.

    Attributes:
        name: Short name of the table, e.g. ``momentum``.
        title: Question that the table answers.
        metric: Metric of the table, an accuracy in percent.
        axes: Dotted names of all axes, in the order of their first appearance.
        rows: One row a cell, in the order of the cells.
        trials: Trials by cell, then seed.
        baseline: Name of the cell that others are compared with.
        protocol: Protocol of our measurements, in words.
        published: The series whose values stand beside ours.
        seeding: The rule that gave seeds to cells; None if every cell asks for the same.
        interval: Kind of the intervals of means and of differences.
    """

    name: str
    title: str
    metric: str
    axes: tuple[str, ...]
    rows: tuple[AblationRow, ...]
    trials: tuple[AblationTrial, ...]
    baseline: str | None
    protocol: str
    published: PublishedSeries | None
    seeding: Seeding | None = None
    interval: Interval = "t"

    @property
    def published_protocol(self) -> str:
        """Protocol of the published numbers; empty without a published series."""
        return self.published.protocol if self.published else ""

    @property
    def same_protocol(self) -> bool:
        """Return whether our numbers and the published ones have one protocol, and so may be compared."""
        return self.published is not None and self.protocol.split() == self.published_protocol.split()

    def trials_of(self, cell: str) -> tuple[AblationTrial, ...]:
        """Return the trials of a cell, ordered by seed."""
        return tuple(trial for trial in self.trials if trial.cell == cell)


def ablate(
    name: str,
    cells: Sequence[Cell],
    trials: pd.DataFrame,
    *,
    metric: str,
    title: str = "",
    baseline: str | None = None,
    protocol: str = "",
    published: PublishedSeries | None = None,
    seeding: Seeding | None = None,
    interval: Interval = "t",
) -> AblationTable:
    """Compute an ablation table; a cell without trials yet is a row with ``n = 0``.

    Args:
        name: Short name of the table.
        cells: The rows that the table asks for.
        trials: One row a trial as ``Tracker.load_trials`` returns them; may be empty and may hold other trials.
        metric: Column of the table's metric, an accuracy in percent, higher is better.
        title: Question that the table answers; empty takes the name.
        baseline: Name of the cell that others are compared with.
        protocol: Protocol of the measurements, in the words of the published table if it is the same.
        published: Series whose values stand beside ours.
        seeding: The rule that gave seeds to cells, if there was one; it names every cell. Such a rule looks at the
            values, so that ordinary tests would reject too often: the table has differences, but no p-values.
        interval: Kind of the intervals of means and of differences.

    Raises:
        ConfigError: Two cells share a name, the baseline is no cell, or finished trials lack the metric.
    """
    _check_names(cells, baseline)
    found = find_trials(cells, trials, metric)
    counted = [[trial for trial in group if trial.has_value] for group in found]
    summaries = [summarise([trial.value for trial in group], interval) for group in counted]
    place = next((place for place, cell in enumerate(cells) if cell.name == baseline), None)
    comparisons = _compare(counted, place, interval, tested=seeding is None)
    caveats = _caveats(counted, place)
    columns = zip(cells, found, summaries, _rank(summaries), comparisons, caveats, strict=True)
    rows = (
        _row(cell, group, published, summary=summary, rank=rank, comparison=comparison, caveats=differing)
        for cell, group, summary, rank, comparison, differing in columns
    )
    return AblationTable(
        name=name,
        title=title or name,
        metric=metric,
        axes=tuple(dict.fromkeys(axis for cell in cells for axis in cell.axes)),
        rows=tuple(rows),
        trials=tuple(trial for group in found for trial in group),
        baseline=baseline,
        protocol=protocol,
        published=published,
        seeding=seeding,
        interval=interval,
    )


def _check_names(cells: Sequence[Cell], baseline: str | None) -> None:
    names = [cell.name for cell in cells]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"cells of a table must have different names, but got {name!r} twice.")
    if baseline is not None and baseline not in names:
        raise ConfigError(f"the baseline must be a cell of the table, but got {baseline!r}.{nearest(baseline, names)}")


def _rank(summaries: Sequence[Summary]) -> list[Rank]:
    means = [summary.mean for summary in summaries]
    levels = sorted({mean for mean in means if not isnan(mean)}, reverse=True)
    if len(levels) < 2:
        return [None] * len(means)
    places: dict[float, Rank] = {levels[0]: 1, levels[1]: 2}
    return [places.get(mean) for mean in means]


def _compare(
    groups: Sequence[Sequence[AblationTrial]], baseline: int | None, interval: Interval, *, tested: bool
) -> list[Comparison | None]:
    if baseline is None:
        return [None] * len(groups)
    values = [{trial.seed: trial.value for trial in group} for group in groups]
    return correct(
        [
            None if place == baseline else compare(found, values[baseline], interval, tested=tested)
            for place, found in enumerate(values)
        ]
    )


def _caveats(groups: Sequence[Sequence[AblationTrial]], baseline: int | None) -> list[tuple[Caveat, ...]]:
    """Return the caveats of each cell against the baseline or, if that has no values, the first cell with values."""
    facts = [[trial.facts for trial in group] for group in groups]
    if baseline is None or not facts[baseline]:
        baseline = next((place for place, found in enumerate(facts) if found), 0)
    return [find_caveats(found, () if place == baseline else facts[baseline]) for place, found in enumerate(facts)]


def _row(
    cell: Cell,
    trials: Sequence[AblationTrial],
    published: PublishedSeries | None,
    *,
    summary: Summary,
    rank: Rank,
    comparison: Comparison | None,
    caveats: tuple[Caveat, ...],
) -> AblationRow:
    statuses = [trial.status for trial in trials]
    return AblationRow(
        cell=cell.name,
        axes=cell.axes,
        summary=summary,
        n_trials=len(trials),
        n_collapsed=statuses.count(COLLAPSED),
        n_failed=statuses.count(FAILED),
        n_missing=max(len(cell.trial_keys) - len(trials), 0),
        published=published.lookup(cell.axes, cell.name) if published else None,
        rank=rank,
        comparison=comparison,
        caveats=caveats,
    )
