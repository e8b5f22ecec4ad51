"""Draw score curves with matplotlib, a column of panels a statistic."""

from collections.abc import Sequence
from functools import partial
from math import isnan
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ftlab.reporting.figures.histories import score_label, score_quantity
from ftlab.reporting.figures.score_curves import CellCurves, ScoreCurves
from ftlab.reporting.print.print_style import TWO_COLUMNS, cell_colours, print_figure, write_note

FRAME_HEIGHT, PANEL_HEIGHT = 2.6, 4.2
MAX_LEGEND_COLUMNS, LINE_CHARACTERS, HANDLE_CHARACTERS = 7, 100, 6


def draw_score_curves(figure: ScoreCurves) -> dict[str, bytes]:
    """Return the drawn figure as ``png`` and ``pdf``."""
    height = FRAME_HEIGHT + PANEL_HEIGHT * len(figure.kinds)
    return print_figure(partial(_fill_canvas, figure), height, TWO_COLUMNS)


def _fill_canvas(figure: ScoreCurves, canvas: Figure) -> None:
    rows, stages = figure.kinds, ("before FT", "seen by the loss") if figure.transformed else ("",)
    panels = canvas.subplots(len(rows), len(rows[0]), sharex=True, squeeze=False)
    colours = cell_colours(len(figure.cells), ordered=figure.ordered)
    for stage, names, line in zip(stages, rows, panels, strict=True):
        for name, axes in zip(names, line, strict=True):
            for cell, colour in zip(figure.cells, colours, strict=True):
                _draw_cell(axes, cell, name, colour)
            mean = f"mean {score_quantity(transformed=names is not rows[0])}"
            axes.set_ylabel("variance of scores" if "variance" in name else mean)
        if stage:
            line[0].set_ylabel(f"{stage}\n{line[0].get_ylabel()}")
    for name, top, bottom in zip(rows[0], panels[0], panels[-1], strict=True):
        top.set_title(score_label(name), fontsize="medium")
        bottom.set_xlabel(figure.axis)
    canvas.legend(
        *panels[0, 0].get_legend_handles_labels(),
        loc="outside upper center",
        ncols=_legend_columns([cell.label for cell in figure.cells]),
        title=figure.legend or None,
        title_fontsize=7,
        handlelength=1.4,
    )
    write_note(canvas, " ".join(filter(None, (_how_drawn(figure), figure.note, figure.missing))))


def _draw_cell(axes: Axes, cell: CellCurves, name: str, colour: Any) -> None:
    curve = cell.curves.get(name)
    if curve is None:
        return
    axes.fill_between(curve.places, curve.low, curve.high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(curve.places, curve.mean, color=colour, linewidth=0.8, label=cell.label)
    if not isnan(cell.ft_start):
        axes.axvline(cell.ft_start, color=colour, linewidth=0.8, linestyle=":", zorder=1)


def _legend_columns(labels: Sequence[str]) -> int:
    widest = max(map(len, labels)) + HANDLE_CHARACTERS
    return max(1, min(MAX_LEGEND_COLUMNS, len(labels), LINE_CHARACTERS // widest))


def _how_drawn(figure: ScoreCurves) -> str:
    most = max(cell.num_seeds for cell in figure.cells)
    shades = f"Mean over up to {most} seeds, shaded from the smallest to the largest." if most > 1 else "One seed."
    return f"{shades} Dotted: FT begins." if figure.transformed else shades
