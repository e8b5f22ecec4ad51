"""Score statistics as surfaces over a swept axis and the steps of training (Fig. 3 of arXiv 2108.02982)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from statistics import fmean

import numpy as np

from ftlab.reporting.figures.cell_labels import panel_title, swept_axis
from ftlab.reporting.figures.histories import SEEN_SCORES, Histories, LeftOut
from ftlab.reporting.figures.score_curves import CellCurves, Curve, after_spike, score_curves
from ftlab.reporting.printed.metric_labels import metric_name
from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.table.axes import axis_label

MAX_STEPS = 100


@dataclass(frozen=True)
class ScoreSurfaces:
    """Everything that is drawn.

    Attributes:
        title: Question that the table answers.
        axis: The swept axis in words.
        labels: The values of the axis as text, one a cell, at equal distances from the front to the back: in the
            order of the table, or in the opposite one if rows that collapsed, whose scores are high, stand first in it.
        accuracies: Mean of the table's metric over the healthy seeds of each cell, in percent; NaN without a value.
        step_axis: Meaning of ``places``, in words.
        places: P steps behind the first spike, or epochs where single steps were not recorded; at most `MAX_STEPS`,
            about evenly spaced.
        surfaces: By metric name of `SEEN_SCORES` that a cell has, in the paper's order, one row a cell of P means over
            the seeds; NaN where a cell has none.
        note: The number at rows, and the choice of cells if not all are shown, in words.
        missing: The scores that cells lack, in words; empty if none does.
        is_reversed: Whether rows stand in the opposite order.
    """

    title: str
    axis: str
    labels: tuple[str, ...]
    accuracies: tuple[float, ...]
    step_axis: str
    places: tuple[float, ...]
    surfaces: Mapping[str, tuple[tuple[float, ...], ...]]
    note: str
    missing: str = ""
    is_reversed: bool = False

    @property
    def row_titles(self) -> tuple[str, ...]:
        """The labels with the accuracies of their cells."""
        return tuple(panel_title("", *row) for row in zip(self.labels, self.accuracies, strict=True))


def score_surfaces(table: AblationTable, histories: Histories) -> ScoreSurfaces | LeftOut:
    """Compute the surfaces of the scores that the loss sees, for a table that sweeps one axis of at least three values.

    Args:
        table: The table.
        histories: The histories of its trials.
    """
    axis = swept_axis(table)
    if axis is None:
        return LeftOut("no single numeric axis is swept")
    curves = score_curves(table, histories)
    if isinstance(curves, LeftOut):
        return curves
    if len(curves.cells) < 3:
        return LeftOut(f"a surface needs three cells with score statistics, but {len(curves.cells)} have them")
    recorded = {place for cell in curves.cells for place in next(iter(cell.curves.values())).places}
    places = _thinned(sorted(place for place in recorded if place >= after_spike(list(recorded))))
    is_reversed = _collapses_first(table, curves.cells)
    cells = curves.cells[::-1] if is_reversed else curves.cells
    means = {row.cell: row.summary.mean for row in table.rows}
    accuracies = tuple(means[cell.cell] for cell in cells)
    return ScoreSurfaces(
        title=table.title,
        axis=axis_label(axis),
        labels=tuple(cell.label for cell in cells),
        accuracies=accuracies,
        step_axis=curves.axis,
        places=places,
        surfaces={
            name: tuple(_along(cell.curves.get(name), places) for cell in cells)
            for name in reversed(SEEN_SCORES)
            if any(name in cell.curves for cell in curves.cells)
        },
        note=" ".join(text for text in (_accuracies(table, cells, accuracies), curves.note) if text),
        missing=curves.missing,
        is_reversed=is_reversed,
    )


def _accuracies(table: AblationTable, cells: Sequence[CellCurves], accuracies: Sequence[float]) -> str:
    rows = zip(cells, accuracies, strict=True)
    known = [panel_title("", cell.label, accuracy) for cell, accuracy in rows if not isnan(accuracy)]
    return f"Mean {metric_name(table.metric)} at {', '.join(known)}." if known else ""


def _collapses_first(table: AblationTable, cells: Sequence[CellCurves]) -> bool:
    collapsed = {row.cell for row in table.rows if row.n_collapsed or row.n_degenerate}
    ranks: dict[bool, list[int]] = {True: [], False: []}
    for rank, cell in enumerate(cells):
        ranks[cell.cell in collapsed].append(rank)
    return bool(ranks[True] and ranks[False]) and fmean(ranks[True]) < fmean(ranks[False])


def _thinned(places: list[float]) -> tuple[float, ...]:
    # Evenly spaced steps, and not every so many of the recorded ones: those of the first epoch lie closer together.
    wanted = np.linspace(places[0], places[-1], MAX_STEPS)
    nearest = np.abs(np.subtract.outer(wanted, places)).argmin(axis=1)
    return tuple(places[place] for place in np.unique(nearest))


def _along(curve: Curve | None, places: tuple[float, ...]) -> tuple[float, ...]:
    values = dict(zip(curve.places, curve.mean, strict=True)) if curve else {}
    return tuple(values.get(place, float("nan")) for place in places)
