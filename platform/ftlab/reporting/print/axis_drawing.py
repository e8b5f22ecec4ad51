"""Draw the figure of a table with matplotlib, for one column of print."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from math import isnan
from textwrap import fill

from matplotlib.figure import Figure

from ftlab.reporting.figures.axis_figure import AxisFigure, AxisPoint
from ftlab.reporting.print.chart import Chart
from ftlab.reporting.print.print_style import COLLAPSE, OURS, PAPER, QUIET, print_figure

SWEEP_HEIGHT = 7.2
CELLS_HEIGHT, ROW_HEIGHT, LINE_HEIGHT = 3.6, 0.4, 0.35
LABEL_CHARACTERS, AXIS_CHARACTERS = 30, 40
ASIDE = 0.22
AXIS_LENGTH, CHARACTER_LENGTH = 5.8, 0.17


def draw(figure: AxisFigure) -> dict[str, bytes]:
    """Return the drawn figure as ``png`` and ``pdf``; neither holds a date or a library's version."""
    labels = [fill(point.label, LABEL_CHARACTERS) for point in figure.points]
    height = _cells_height(labels) if figure.scale == "cells" else SWEEP_HEIGHT
    return print_figure(partial(_fill_canvas, figure, labels), height)


def _fill_canvas(figure: AxisFigure, labels: Sequence[str], canvas: Figure) -> None:
    chart = Chart(canvas.subplots(), sideways=figure.scale == "cells")
    _fill(chart, figure, labels)
    if all(isnan(point.mean) and isnan(point.published) for point in figure.points):
        chart.say_empty("no trials yet")
    else:
        canvas.legend(loc="outside upper center", ncols=2, handlelength=1.6)


def _cells_height(labels: Sequence[str]) -> float:
    num_lines = max(label.count("\n") + 1 for label in labels)
    return CELLS_HEIGHT + len(labels) * (ROW_HEIGHT + LINE_HEIGHT * num_lines)


def _fill(chart: Chart, figure: AxisFigure, labels: Sequence[str]) -> None:
    places = [point.place for point in figure.points]
    two_scales = bool(figure.published) and not figure.same_protocol
    chart.name_values(figure.metric, OURS if two_scales else "black")
    _draw_ours(chart, figure)
    if figure.published:
        paper = chart.twin(f"{figure.published} (%)", PAPER) if two_scales else chart
        _draw_paper(paper, figure)
    chart.name_places(fill(figure.axis, AXIS_CHARACTERS), places, labels, slanted=_crowded(places, labels))


def _draw_ours(chart: Chart, figure: AxisFigure) -> None:
    points = [point for point in figure.points if not isnan(point.mean)]
    whole = [(point.place, point.mean) for point in points if not point.collapsed_seeds]
    hollow = [(point.place, point.mean) for point in points if point.collapsed_seeds]
    spans = [(point.place, point.ci_low, point.ci_high) for point in points if not isnan(point.ci_low)]
    aside = ASIDE * _smallest_gap([point.place for point in figure.points])
    seeds = [(point.place + aside, value) for point in figure.points for value in point.seeds]
    collapsed = [(point.place + aside, value) for point in figure.points for value in point.collapsed_seeds]
    chart.plot([(point.place, point.mean) for point in _joined(points)], "-", color=OURS)
    chart.intervals(spans, fmt="none", ecolor=OURS, elinewidth=0.9, capsize=2)
    chart.plot(whole, "o", color=OURS, label="mean, 95% interval")
    chart.plot(hollow, "o", color=OURS, markerfacecolor="white", label="healthy mean, others collapsed")
    chart.plot(seeds, "o", color=OURS, alpha=0.45, markersize=2.5, markeredgewidth=0, label="one seed")
    chart.plot(collapsed, "x", color=COLLAPSE, markersize=3.5, markeredgewidth=0.9, label="collapsed seed")
    if not isnan(figure.baseline):
        chart.reference(figure.baseline, color=QUIET, linewidth=0.8, linestyle=":", zorder=1, label="baseline")


def _draw_paper(chart: Chart, figure: AxisFigure) -> None:
    # Beside our marks: on two scales both often stand at the same height.
    aside = -ASIDE * _smallest_gap([point.place for point in figure.points])
    points = [point for point in figure.points if not isnan(point.published)]
    collapsed = [point for point in figure.points if isnan(point.published) and point.published_note]
    chart.plot([(point.place + aside, point.published) for point in _joined(points)], "--", color=PAPER, linewidth=1)
    values = [(point.place + aside, point.published) for point in points]
    chart.plot(values, "D", color=PAPER, markerfacecolor="white", markersize=4, label=figure.published)
    noted = [(point.place + aside, point.published) for point in collapsed]
    notes = " / ".join(sorted({point.published_note for point in collapsed}))
    chart.plot(noted, "x", color=PAPER, markersize=4.5, label=f"paper: {notes}")


def _joined(points: Sequence[AxisPoint]) -> list[AxisPoint]:
    return sorted((point for point in points if point.on_line), key=lambda point: point.place)


def _smallest_gap(places: Sequence[float]) -> float:
    ordered = sorted(places)
    return min((high - low for low, high in pairwise(ordered)), default=1.0)


def _crowded(places: Sequence[float], labels: Sequence[str]) -> bool:
    reach = max(places) - min(places)
    room = AXIS_LENGTH * _smallest_gap(places) / reach if reach else AXIS_LENGTH
    return max(map(len, labels)) * CHARACTER_LENGTH > room
