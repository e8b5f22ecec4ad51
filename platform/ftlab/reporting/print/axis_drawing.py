"""Draw the figure of a table with matplotlib, for one column of print."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from math import isnan
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ftlab.reporting.figures.axis_figure import AxisFigure, AxisPoint
from ftlab.reporting.print.chart import Chart
from ftlab.reporting.print.print_style import COLLAPSE, OURS, PAPER, QUIET, print_figure

SWEEP_HEIGHT, PAPER_HEIGHT, PAPER_CHARACTERS = 7.2, 2.2, 14
NARROW_CHARACTERS = 8
PANEL_RATIO, MARGIN, NARROW_MARGIN = (2, 1), 0.12, 0.2
CELLS_HEIGHT, ROW_HEIGHT, LINE_HEIGHT = 3.6, 0.4, 0.35
LABEL_CHARACTERS, AXIS_CHARACTERS = 30, 40
ASIDE = 0.22
AXIS_LENGTH, CHARACTER_LENGTH = 5.8, 0.17


def draw(figure: AxisFigure) -> dict[str, bytes]:
    """Return the drawn figure as ``png`` and ``pdf``; neither holds a date or a library's version."""
    labels = [fill(point.label, LABEL_CHARACTERS) for point in figure.points]
    height = SWEEP_HEIGHT + (PAPER_HEIGHT if _has_paper_panel(figure) else 0.0)
    if figure.scale == "cells":
        height = _cells_height(labels)
    return print_figure(partial(_fill_canvas, figure, labels), height)


def _fill_canvas(figure: AxisFigure, labels: Sequence[str], canvas: Figure) -> None:
    sideways = figure.scale == "cells"
    ours, *paper = (Chart(axes, sideways=sideways) for axes in _panels(figure, canvas))
    ours.name_values(fill(figure.metric, PAPER_CHARACTERS) if paper and sideways else figure.metric)
    _draw_ours(ours, figure)
    if figure.published:
        _draw_paper(paper[0] if paper else ours, figure, aside=0.0 if paper else -ASIDE)
    for chart in paper:
        # Beside our panel there is room for one word; the legend has the others.
        name = figure.published.partition(",")[0] if sideways else figure.published
        chart.name_values(fill(f"{name} (%)", NARROW_CHARACTERS if sideways else PAPER_CHARACTERS))
        chart.axes.margins(NARROW_MARGIN if sideways else MARGIN)
        chart.mark_few_values()
        ours.mark_few_values()
    places = [point.place for point in figure.points]
    # Above each other, the lower panel names the places of both; beside each other, the left one.
    below = paper[0] if paper and not sideways else ours
    below.name_places(fill(figure.axis, AXIS_CHARACTERS), places, labels, slanted=_crowded(places, labels))
    if all(isnan(point.mean) and isnan(point.published) for point in figure.points):
        ours.say_empty("no trials yet")
    else:
        canvas.legend(loc="outside upper center", ncols=2, handlelength=1.6)


def _panels(figure: AxisFigure, canvas: Figure) -> Sequence[Axes]:
    """Return a panel for our values and, if the paper's are not on the same scale, one for those."""
    if not _has_paper_panel(figure):
        return [canvas.subplots()]
    if figure.scale == "cells":
        panels = canvas.subplots(1, 2, sharey=True, width_ratios=PANEL_RATIO)
    else:
        panels = canvas.subplots(2, 1, sharex=True, height_ratios=PANEL_RATIO)
    return list(panels)


def _has_paper_panel(figure: AxisFigure) -> bool:
    return bool(figure.published) and not figure.same_protocol


def _cells_height(labels: Sequence[str]) -> float:
    num_lines = max(label.count("\n") + 1 for label in labels)
    return CELLS_HEIGHT + len(labels) * (ROW_HEIGHT + LINE_HEIGHT * num_lines)


def _draw_ours(chart: Chart, figure: AxisFigure) -> None:
    points = [point for point in figure.points if not isnan(point.mean)]
    whole = [(point.place, point.mean) for point in points if not point.collapsed_seeds]
    hollow = [(point.place, point.mean) for point in points if point.collapsed_seeds]
    spans = [(point.place, point.ci_low, point.ci_high) for point in points if not isnan(point.ci_low)]
    aside = ASIDE * _smallest_gap([point.place for point in figure.points])
    seeds = [(point.place + aside, value) for point in figure.points for value in point.seeds]
    collapsed = [(point.place + aside, value) for point in figure.points for value in point.collapsed_seeds]
    for point in figure.points:
        if valueless := sum(map(isnan, point.collapsed_seeds)):
            chart.word(point.place + aside, f"{valueless} collapsed", COLLAPSE)
    chart.plot([(point.place, point.mean) for point in _joined(points)], "-", color=OURS)
    chart.intervals(spans, fmt="none", ecolor=OURS, elinewidth=0.9, capsize=2)
    chart.plot(whole, "o", color=OURS, label="mean, 95% interval")
    chart.plot(hollow, "o", color=OURS, markerfacecolor="white", label="healthy mean, others collapsed")
    chart.plot(seeds, "o", color=OURS, alpha=0.45, markersize=2.5, markeredgewidth=0, label="one seed")
    chart.plot(collapsed, "x", color=COLLAPSE, markersize=3.5, markeredgewidth=0.9, label="collapsed seed")
    if not isnan(figure.baseline):
        chart.reference(figure.baseline, color=QUIET, linewidth=0.8, linestyle=":", zorder=1, label="baseline")


def _draw_paper(chart: Chart, figure: AxisFigure, aside: float) -> None:
    """Draw the paper's values, beside our marks where they share a panel; what it says in words stays words."""
    aside *= _smallest_gap([point.place for point in figure.points])
    points = [point for point in figure.points if not isnan(point.published)]
    chart.plot([(point.place + aside, point.published) for point in _joined(points)], "--", color=PAPER, linewidth=1)
    values = [(point.place + aside, point.published) for point in points]
    chart.plot(values, "D", color=PAPER, markerfacecolor="white", markersize=4, label=figure.published)
    for point in figure.points:
        if isnan(point.published) and point.published_note:
            chart.word(point.place + aside, point.published_note, PAPER)


def _joined(points: Sequence[AxisPoint]) -> list[AxisPoint]:
    return sorted((point for point in points if point.on_line), key=lambda point: point.place)


def _smallest_gap(places: Sequence[float]) -> float:
    ordered = sorted(places)
    return min((high - low for low, high in pairwise(ordered)), default=1.0)


def _crowded(places: Sequence[float], labels: Sequence[str]) -> bool:
    reach = max(places) - min(places)
    room = AXIS_LENGTH * _smallest_gap(places) / reach if reach else AXIS_LENGTH
    return max(map(len, labels)) * CHARACTER_LENGTH > room
