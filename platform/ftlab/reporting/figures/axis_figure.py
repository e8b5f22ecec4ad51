"""The figure of a table: accuracy over the swept axis, or over the cells where no single axis is swept."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, nan
from typing import Literal

from ftlab.reporting.figures.cell_labels import axes_in_words, cell_label, swept_axis
from ftlab.reporting.printed.metric_labels import metric_label
from ftlab.reporting.table.ablation import COLLAPSED, AblationRow, AblationTable
from ftlab.reporting.table.axes import axis_number

CROWDING = 10.0

Scale = Literal["numbers", "steps", "cells"]


@dataclass(frozen=True)
class AxisPoint:
    """A cell of the figure; accuracies in percent, NaN where there is none.

    Attributes:
        label: Label at its place on the axis.
        place: Its place: the number itself, or its rank if places are at equal distances.
        on_line: Whether it is a number, and so joined to its neighbours by a line.
        mean: Mean over the healthy seeds.
        ci_low: Lower end of the 95% interval of the mean.
        ci_high: Upper end of that interval.
        seeds: Values of the seeds that did not collapse.
        collapsed_seeds: Values of the seeds that collapsed; NaN for a seed that stopped before it had a value.
        published: The published value.
        published_note: Words of the publication instead of a value.
    """

    label: str
    place: float
    on_line: bool
    mean: float
    ci_low: float
    ci_high: float
    seeds: tuple[float, ...]
    collapsed_seeds: tuple[float, ...]
    published: float
    published_note: str


@dataclass(frozen=True)
class AxisFigure:
    """Everything that is drawn.

    Attributes:
        title: Question that the table answers.
        axis: The swept axis in words, or all axes that the labels use; empty if labels are names.
        metric: The metric in words.
        scale: ``numbers`` at their distances, ``steps`` at equal distances, or ``cells``, one below the other.
        points: One point a cell, in the order of the table.
        baseline: Mean of the baseline cell; NaN without one, and where each group has its own.
        published: Label of the published values; empty when none belongs to a cell.
        same_protocol: Whether the published values may share the scale of ours.
    """

    title: str
    axis: str
    metric: str
    scale: Scale
    points: tuple[AxisPoint, ...]
    baseline: float
    published: str
    same_protocol: bool


def axis_figure(table: AblationTable) -> AxisFigure:
    """Compute the figure of a table.

    An axis is swept if no other varies beside the baseline and most of its values are numbers. The numbers keep their
    distances, unless some lie more than ten times closer than others (momentum 0.9, 0.99, 0.999) or some values are
    words (``never``): then all values stand at equal distances.
    """
    axis = swept_axis(table)
    numbers = [axis_number(row.axes.get(axis)) if axis else None for row in table.rows]
    scale: Scale = "cells" if axis is None else "numbers" if _fits_numbers(numbers) else "steps"
    places = [
        number if scale == "numbers" and number is not None else float(rank) for rank, number in enumerate(numbers)
    ]
    points = tuple(
        _point(table, row, place, number is not None)
        for row, place, number in zip(table.rows, places, numbers, strict=True)
    )
    return AxisFigure(
        title=table.title,
        axis=axes_in_words(table),
        metric=metric_label(table.metric),
        scale=scale,
        points=points,
        baseline=next((row.summary.mean for row in table.rows if (row.cell,) == table.baselines), nan),
        published=_published_label(table),
        same_protocol=table.same_protocol,
    )


def _fits_numbers(numbers: Sequence[float | None]) -> bool:
    known = sorted(number for number in numbers if number is not None)
    gaps = [high - low for low, high in pairwise(known)]
    return len(known) == len(numbers) and (not gaps or max(gaps) <= CROWDING * min(gaps))


def _point(table: AblationTable, row: AblationRow, place: float, on_line: bool) -> AxisPoint:
    summary, published = row.summary, row.published
    trials = table.trials_of(row.cell)
    return AxisPoint(
        label=cell_label(table, row),
        place=place,
        on_line=on_line,
        mean=summary.mean,
        ci_low=summary.ci_low,
        ci_high=summary.ci_high,
        seeds=tuple(trial.value for trial in trials if trial.status != COLLAPSED and isfinite(trial.value)),
        collapsed_seeds=tuple(trial.value for trial in trials if trial.status == COLLAPSED),
        published=published.value if published and published.value is not None else nan,
        published_note=published.note if published else "",
    )


def _published_label(table: AblationTable) -> str:
    if table.published is None or all(row.published is None for row in table.rows):
        return ""
    return "paper" if table.same_protocol else "paper, other protocol"
