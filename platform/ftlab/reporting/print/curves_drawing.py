"""Draw score curves with matplotlib, a column of panels a statistic."""

from collections.abc import Sequence
from functools import partial
from math import isnan
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatter, NullLocator

from ftlab.reporting.figures.histories import score_label, score_quantity
from ftlab.reporting.figures.score_curves import ScoreCurves
from ftlab.reporting.print.end_labels import LineEnd, label_ends
from ftlab.reporting.print.print_style import TWO_COLUMNS, line_styles, print_figure, write_note

FRAME_HEIGHT, PANEL_HEIGHT, LEGEND_LINE = 2.6, 4.2, 0.32
MAX_LEGEND_COLUMNS, LINE_CHARACTERS, HANDLE_CHARACTERS = 7, 100, 6
# Longer names stand in a legend, and their numbers at the ends of lines.
MAX_END_CHARACTERS = 8
# Share of a panel's height that a name needs.
NAME_HEIGHT = 0.085
# A panel is 5 cm wide; more points only make files larger.
MAX_POINTS = 400


def draw_score_curves(figure: ScoreCurves) -> dict[str, bytes]:
    """Return the drawn figure as ``png`` and ``pdf``."""
    lines = -(-len(figure.cells) // _legend_columns(_legend_labels(figure))) if _is_numbered(figure) else 0
    height = FRAME_HEIGHT + PANEL_HEIGHT * len(figure.kinds) + LEGEND_LINE * lines
    return print_figure(partial(_fill_canvas, figure), height, TWO_COLUMNS)


def _fill_canvas(figure: ScoreCurves, canvas: Figure) -> None:
    rows, stages = figure.kinds, ("before FT", "seen by the loss") if figure.transformed else ("",)
    panels = canvas.subplots(len(rows), len(rows[0]), sharex=True, squeeze=False)
    styles = line_styles(len(figure.cells), ordered=figure.ordered)
    handles: list[Artist] = []
    for stage, names, line in zip(stages, rows, panels, strict=True):
        for name, axes in zip(names, line, strict=True):
            handles = _draw_panel(axes, figure, name, styles)
            mean = f"mean {score_quantity(transformed=names is not rows[0])}"
            axes.set_ylabel("variance of scores" if "variance" in name else mean)
        if stage:
            line[0].set_ylabel(f"{stage}\n{line[0].get_ylabel()}")
    for name, top, bottom in zip(rows[0], panels[0], panels[-1], strict=True):
        top.set_title(score_label(name), fontsize="medium")
        bottom.set_xlabel(figure.axis)
    labels = _legend_labels(figure)
    if _is_numbered(figure):
        title = {"title": figure.legend or None, "title_fontsize": 7}
        columns = _legend_columns(labels)
        canvas.legend(handles, labels, loc="outside upper center", ncols=columns, handlelength=1.8, **title)
    elif figure.legend:
        canvas.suptitle(f"at the ends of lines: {figure.legend}", fontsize=7)
    write_note(canvas, " ".join(filter(None, (_how_drawn(figure), figure.note, figure.missing))))


def _draw_panel(axes: Axes, figure: ScoreCurves, name: str, styles: Sequence[dict[str, Any]]) -> list[Artist]:
    """Draw a statistic of all cells, and return a line of each cell for a legend."""
    if figure.on_log_steps:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(LogFormatter())  # without powers, which are mathematics
        axes.xaxis.set_minor_locator(NullLocator())  # laying out the many small ones takes a fifth of the drawing
    handles: list[Artist] = []
    ends = []
    for place, (cell, style) in enumerate(zip(figure.cells, styles, strict=True)):
        handles.append(Line2D([], [], linewidth=0.8, **style))
        curve = cell.curves.get(name)
        shown = [] if curve is None else figure.shown_places(curve, MAX_POINTS)
        if curve is None or not shown:
            continue
        places, mean, low, high = (
            [part[at] for at in shown] for part in (curve.places, curve.mean, curve.low, curve.high)
        )
        axes.fill_between(places, low, high, color=style["color"], alpha=0.15, linewidth=0)
        axes.plot(places, mean, linewidth=0.8, **style)
        if not isnan(cell.ft_start):
            axes.axvline(cell.ft_start, color=style["color"], linewidth=0.8, linestyle=":", zorder=1)
        label = str(place + 1) if _is_numbered(figure) else cell.label
        ends.append(LineEnd(places[-1], mean[-1], label, style["color"]))
    axes.margins(x=0.02)
    axes.autoscale_view()
    label_ends(axes, ends, NAME_HEIGHT)
    return handles


def _is_numbered(figure: ScoreCurves) -> bool:
    return any(len(cell.label) > MAX_END_CHARACTERS for cell in figure.cells)


def _legend_labels(figure: ScoreCurves) -> list[str]:
    return [f"{number} {cell.label}" for number, cell in enumerate(figure.cells, start=1)]


def _legend_columns(labels: Sequence[str]) -> int:
    widest = max(map(len, labels)) + HANDLE_CHARACTERS
    return max(1, min(MAX_LEGEND_COLUMNS, len(labels), LINE_CHARACTERS // widest))


def _how_drawn(figure: ScoreCurves) -> str:
    most = max(cell.num_seeds for cell in figure.cells)
    shades = f"Mean over up to {most} seeds, shaded from the smallest to the largest." if most > 1 else "One seed."
    is_cut = not figure.on_log_steps and figure.first_place >= 1.0
    start = f"From {figure.axis.partition(' (')[0]} {figure.first_place:.0f} on." if is_cut else ""
    return " ".join(filter(None, (shades, start, "Dotted: FT begins." if figure.transformed else "")))
