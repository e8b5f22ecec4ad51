"""Score statistics as surfaces over a swept axis and the steps of training (Fig. 3 of arXiv 2108.02982)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ftlab.reporting.figures.cell_labels import swept_axis
from ftlab.reporting.figures.histories import SEEN_SCORES, Histories, LeftOut
from ftlab.reporting.figures.score_curves import Curve, score_curves
from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.table.axes import axis_label

MAX_STEPS = 100


@dataclass(frozen=True)
class ScoreSurfaces:
    """Everything that is drawn.

    Attributes:
        title: Question that the table answers.
        axis: The swept axis in words.
        labels: The values of the axis as text, one a cell, in the order of the table and at equal distances.
        step_axis: Meaning of ``places``, in words.
        places: P steps, or epochs where single steps were not recorded; at most `MAX_STEPS`, about evenly spaced.
        surfaces: By metric name of `SEEN_SCORES` that a cell has, in the paper's order, one row a cell of P means over
            the seeds; NaN where a cell has none.
        note: The choice of cells, in words, if not all are shown; empty otherwise.
        missing: The scores that cells lack, in words; empty if none does.
    """

    title: str
    axis: str
    labels: tuple[str, ...]
    step_axis: str
    places: tuple[float, ...]
    surfaces: Mapping[str, tuple[tuple[float, ...], ...]]
    note: str
    missing: str = ""


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
    places = _thinned(sorted({place for cell in curves.cells for place in next(iter(cell.curves.values())).places}))
    return ScoreSurfaces(
        title=table.title,
        axis=axis_label(axis),
        labels=tuple(cell.label for cell in curves.cells),
        step_axis=curves.axis,
        places=places,
        surfaces={
            name: tuple(_along(cell.curves.get(name), places) for cell in curves.cells)
            for name in reversed(SEEN_SCORES)
            if any(name in cell.curves for cell in curves.cells)
        },
        note=curves.note,
        missing=curves.missing,
    )


def _thinned(places: list[float]) -> tuple[float, ...]:
    # Evenly spaced steps, and not every so many of the recorded ones: those of the first epoch lie closer together.
    wanted = np.linspace(places[0], places[-1], MAX_STEPS)
    nearest = np.abs(np.subtract.outer(wanted, places)).argmin(axis=1)
    return tuple(places[place] for place in np.unique(nearest))


def _along(curve: Curve | None, places: tuple[float, ...]) -> tuple[float, ...]:
    values = dict(zip(curve.places, curve.mean, strict=True)) if curve else {}
    return tuple(values.get(place, float("nan")) for place in places)
