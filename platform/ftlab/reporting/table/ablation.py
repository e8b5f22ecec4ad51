"""The ablation table: one row per cell, computed from recorded trials."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite, nan

import pandas as pd

from ftlab.errors import ConfigError, nearest
from ftlab.reporting.inference.best_subset import best_subset
from ftlab.reporting.inference.collapse import COLLAPSED, DEGENERATE, FAILED, HEALTHY, CollapseRate, collapse_rate
from ftlab.reporting.inference.paired_t import MIN_PAIRS, Scale, scale_of
from ftlab.reporting.table.axes import Axes
from ftlab.reporting.table.baselines import Baseline, baseline_names, baseline_of
from ftlab.reporting.table.cell_trials import AblationTrial, Cell, find_trials
from ftlab.reporting.table.comparability import Caveat, find_caveats
from ftlab.reporting.table.comparison import Comparison, Values
from ftlab.reporting.table.families import Judgement, Seeding, SeenDifference, judge_cells, values_by_seed
from ftlab.reporting.table.floor_values import FloorValues
from ftlab.reporting.table.image_intervals import ImageIntervals, image_intervals
from ftlab.reporting.table.published import PublishedSeries, PublishedValue
from ftlab.reporting.table.statistics import MIN_BOOTSTRAPPED, Interval, Summary, check_interval, summarise

__all__ = ["COLLAPSED", "AblationRow", "AblationTable", "AblationTrial", "Cell", "Seeding", "SeenDifference", "ablate"]


@dataclass(frozen=True)
class AblationRow:
    """A cell of the table.

    Attributes:
        cell: Name of the cell.
        axes: Values by dotted name.
        summary: Statistics over the healthy trials with a value.
        overall: Statistics over all trials with a value, collapsed ones among them.
        n_trials: Trials that ended: finished, degenerate, collapsed or failed.
        n_collapsed: Trials that collapsed.
        n_degenerate: Trials whose scores collapsed and whose features did not; they count as healthy.
        n_without_value: Healthy trials whose value is not a number; they count in no statistics.
        n_failed: Trials that failed; they have no value.
        n_missing: Trials that the row needs and that have not ended.
        published: The published value of the cell.
        is_best: Whether no complete row beats it, and it is complete; see `ftlab.reporting.inference.best_subset`.
        baseline: Name of its baseline; None without one.
        comparison: The difference to the baseline; None for a baseline itself and in a table without one.
        outcome: ``better``, ``worse``, ``collapses k of n``, or empty; see `ftlab.reporting.inference.collapse`.
        caveats: Facts beside the axes in which its trials differ from the baseline's, or from each other.
        others: Statistics of the table's other metrics over the healthy trials.
        images: Intervals over seeds and test images.
    """

    cell: str
    axes: Axes
    summary: Summary
    overall: Summary
    n_trials: int
    n_collapsed: int
    n_degenerate: int
    n_without_value: int
    n_failed: int
    n_missing: int
    published: PublishedValue | None
    is_best: bool
    baseline: str | None = None
    comparison: Comparison | None = None
    outcome: str = ""
    caveats: tuple[Caveat, ...] = ()
    others: Mapping[str, Summary] = field(default_factory=dict)
    images: ImageIntervals = field(default_factory=ImageIntervals)

    @property
    def collapse(self) -> CollapseRate:
        """Rate of collapse among the trials that trained to their end."""
        return collapse_rate(self.n_collapsed, self.n_trials - self.n_failed)


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
        baseline: Name of the cell that others are compared with, or one for each group.
        protocol: Protocol of our measurements, in words.
        published: The series whose values stand beside ours.
        seeding: The rule that gave seeds to cells; None if every cell asks for the same.
        interval: Kind of the intervals of means.
        other_metrics: Further metrics whose means are shown; nothing is tested by them.
        floors: Accuracies that no training reached.
        judged: How each metric is measured, in words, by its name.
        judged_on: Images that take the place of the test images, in words; empty where those are judged on.
        caption: Statement that stands above the table in print; empty takes the question.
    """

    name: str
    title: str
    metric: str
    axes: tuple[str, ...]
    rows: tuple[AblationRow, ...]
    trials: tuple[AblationTrial, ...]
    baseline: Baseline
    protocol: str
    published: PublishedSeries | None
    seeding: Seeding | None = None
    interval: Interval = "t"
    other_metrics: tuple[str, ...] = ()
    floors: tuple[FloorValues, ...] = ()
    judged: Mapping[str, str] = field(default_factory=dict)
    judged_on: str = ""
    caption: str = ""

    @property
    def published_protocol(self) -> str:
        """Protocol of the published numbers; empty without a published series."""
        return self.published.protocol if self.published else ""

    @property
    def same_protocol(self) -> bool:
        """Return whether our numbers and the published ones have one protocol, and so may be compared."""
        return self.published is not None and self.protocol.split() == self.published_protocol.split()

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the cells that others are compared with, one for each group."""
        return baseline_names(self.baseline)

    @property
    def scale(self) -> Scale:
        """Scale of the metric."""
        return scale_of(self.metric)

    def family(self, baseline: str) -> tuple[AblationRow, ...]:
        """Return the rows that are compared with a baseline; their tests are corrected together."""
        return tuple(row for row in self.rows if row.baseline == baseline and row.comparison is not None)

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
    baseline: Baseline = None,
    protocol: str = "",
    published: PublishedSeries | None = None,
    seeding: Seeding | None = None,
    interval: Interval = "t",
    other_metrics: Sequence[str] = (),
    floors: Sequence[FloorValues] = (),
    judged: Mapping[str, str] | None = None,
    judged_on: str = "",
    caption: str = "",
) -> AblationTable:
    """Compute an ablation table; a cell without trials yet is a row with ``n = 0``.

    Args:
        name: Short name of the table.
        cells: The rows that the table asks for.
        trials: One row a trial as ``Tracker.load_trials`` returns them; may be empty and may hold other trials.
        metric: Column of the table's metric, higher is better; an accuracy is in percent.
        title: Question that the table answers; empty takes the name.
        baseline: Name of the cell that others are compared with, or one for each group.
        protocol: Protocol of the measurements, in the words of the published table if it is the same.
        published: Series whose values stand beside ours.
        seeding: The rule that gave seeds to cells, if there was one; it names every cell. Such a rule looks at the
            values, so that ordinary tests would reject too often: the table has the differences and intervals of the
            rule, no p-values, and no best row.
        interval: Kind of the intervals of means.
        other_metrics: Further metrics, accuracies in percent, whose means are shown.
        floors: Accuracies that no training reached.
        judged: How each metric is measured, in words, by its name.
        judged_on: Images that take the place of the test images, in words; empty where those are judged on.
        caption: Statement that stands above the table in print; empty takes the question.

    Raises:
        ConfigError: Two cells share a name, a baseline is no cell, finished trials lack the metric, or a bootstrap
            interval is asked for fewer than ten seeds.
    """
    _check_names(cells, baseline)
    found = find_trials(cells, trials, metric)
    asked = (len(cell.trial_keys) or len(group) for cell, group in zip(cells, found, strict=True))
    check_interval(interval, min((number for number in asked if number), default=MIN_BOOTSTRAPPED))
    scale = scale_of(metric)
    groups = {cell.name: group for cell, group in zip(cells, found, strict=True)}
    baselines = {cell.name: baseline_of(baseline, cell.axes) for cell in cells}
    judgements = judge_cells(groups, baselines, scale, seeding)
    images = image_intervals(groups, baselines, scale)
    rows = [
        _row(
            cell,
            groups[cell.name],
            published,
            summary=summarise([trial.value for trial in groups[cell.name] if trial.counts], interval, scale),
            baseline=baselines[cell.name],
            judgement=judgements.get(cell.name),
            caveats=differing,
            others={name: _summary_of(name, groups[cell.name]) for name in other_metrics},
            images=images[cell.name],
        )
        for cell, differing in zip(cells, _caveats(groups, baselines), strict=True)
    ]
    best = [False] * len(rows) if seeding else best_subset(_complete(rows, found), scale)
    return AblationTable(
        name=name,
        title=title or name,
        metric=metric,
        axes=tuple(dict.fromkeys(axis for cell in cells for axis in cell.axes)),
        rows=tuple(replace(row, is_best=is_best) for row, is_best in zip(rows, best, strict=True)),
        trials=tuple(trial for group in found for trial in group),
        baseline=baseline,
        protocol=protocol,
        published=published,
        seeding=seeding,
        interval=interval,
        other_metrics=tuple(other_metrics),
        floors=tuple(floors),
        judged=judged or {},
        judged_on=judged_on,
        caption=caption,
    )


def _summary_of(metric: str, trials: Sequence[AblationTrial]) -> Summary:
    values = [trial.metrics.get(metric, nan) for trial in trials if trial.status in HEALTHY]
    return summarise([value for value in values if isfinite(value)], scale=scale_of(metric))


def _check_names(cells: Sequence[Cell], baseline: Baseline) -> None:
    names = [cell.name for cell in cells]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"cells of a table must have different names, but got {name!r} twice.")
    for name in baseline_names(baseline):
        if name not in names:
            raise ConfigError(f"the baseline must be a cell of the table, but got {name!r}.{nearest(name, names)}")


def _complete(rows: Sequence[AblationRow], found: Sequence[Sequence[AblationTrial]]) -> list[Values | None]:
    """Return the values of the rows that may be the best: nothing is missing, and seeds enough are healthy."""
    return [
        None
        if row.n_missing or row.n_failed or row.n_without_value or row.summary.n < MIN_PAIRS
        else values_by_seed(trials)
        for row, trials in zip(rows, found, strict=True)
    ]


def _caveats(
    groups: Mapping[str, Sequence[AblationTrial]], baselines: Mapping[str, str | None]
) -> list[tuple[Caveat, ...]]:
    """Return the caveats of each cell against its baseline or, if that has no values, the first cell with values."""
    facts = {cell: [trial.facts for trial in group if trial.has_value] for cell, group in groups.items()}
    first = next((cell for cell, found in facts.items() if found), "")
    references = {cell: name if name is not None and facts[name] else first for cell, name in baselines.items()}
    return [
        find_caveats(found, () if references[cell] == cell else facts.get(references[cell], ()))
        for cell, found in facts.items()
    ]


def _row(
    cell: Cell,
    trials: Sequence[AblationTrial],
    published: PublishedSeries | None,
    *,
    summary: Summary,
    baseline: str | None,
    judgement: Judgement | None,
    caveats: tuple[Caveat, ...],
    others: Mapping[str, Summary],
    images: ImageIntervals,
) -> AblationRow:
    statuses = [trial.status for trial in trials]
    return AblationRow(
        cell=cell.name,
        axes=cell.axes,
        summary=summary,
        overall=summarise([trial.value for trial in trials if trial.has_value]),
        n_trials=len(trials),
        n_collapsed=statuses.count(COLLAPSED),
        n_degenerate=statuses.count(DEGENERATE),
        n_without_value=sum(trial.status in HEALTHY and not trial.has_value for trial in trials),
        n_failed=statuses.count(FAILED),
        n_missing=max(len(cell.trial_keys) - len(trials), 0),
        published=published.lookup(cell.axes, cell.name) if published else None,
        is_best=False,
        baseline=baseline,
        comparison=judgement.comparison if judgement else None,
        outcome=judgement.outcome if judgement else "",
        caveats=caveats,
        others=others,
        images=images,
    )
