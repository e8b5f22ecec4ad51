"""The figure of a table for a page."""

from collections.abc import Sequence
from itertools import pairwise
from math import isnan
from typing import Any

import plotly.graph_objects as go

from ftlab.reporting.figures.axis_figure import AxisFigure, AxisPoint
from ftlab.reporting.pages.page_style import COLLAPSE, OURS, PAPER, QUIET, page_figure, say_empty

HEIGHT, PAPER_HEIGHT = 400, 120
CELLS_HEIGHT, ROW_HEIGHT, LEGEND_HEIGHT = 210, 40, 130
ASIDE = 0.18

Mark = tuple[float, float]


def axis_chart(figure: AxisFigure) -> go.Figure:
    """Draw the figure of a table: means with intervals and seeds, and the paper's values in a panel of their own.

    Values of the same protocol share the panel of ours.
    """
    sideways = figure.scale == "cells"
    drawn = page_figure(HEIGHT + (PAPER_HEIGHT if figure.published and not figure.same_protocol else 0))
    if sideways:
        legend = {"yref": "container", "y": 1, "yanchor": "top"}
        height = CELLS_HEIGHT + ROW_HEIGHT * len(figure.points)
        drawn.update_layout(height=height, margin={"t": LEGEND_HEIGHT}, legend=legend)
    if all(isnan(point.mean) and isnan(point.published) for point in figure.points):
        return say_empty(drawn, "no trials yet")
    chart = _Chart(drawn, sideways)
    chart.name_axes(figure)
    _draw_ours(chart, figure)
    if figure.published:
        _draw_paper(chart, figure)
    return drawn


class _Chart:
    """A chart with places on one axis and values on the other; drawing code need not know which is which."""

    def __init__(self, drawn: go.Figure, sideways: bool) -> None:
        self.drawn = drawn
        self._place, self._value = ("y", "x") if sideways else ("x", "y")
        # Ours is above the paper's panel, or at its left.
        self._domains = ([0.0, 0.63], [0.7, 1.0]) if sideways else ([0.4, 1.0], [0.0, 0.3])

    def name_axes(self, figure: AxisFigure) -> None:
        places = [point.place for point in figure.points]
        reach = {} if self._place == "x" else {"range": [max(places) + 0.6, min(places) - 0.6]}
        ticks = {"tickvals": places, "ticktext": [point.label for point in figure.points], "showgrid": False}
        self.drawn.update_layout(
            {
                f"{self._place}axis": {"title": {"text": figure.axis}, **ticks, **reach},
                f"{self._value}axis": {"title": {"text": figure.metric}},
            }
        )

    def add_panel(self, label: str) -> str:
        """Make room for a second panel over the same places, and return the name of its axis of values."""
        ours, other = self._domains
        scale = {"title": {"text": label}, "domain": other, "anchor": self._place}
        layout = {f"{self._value}axis": {"domain": ours}, f"{self._value}axis2": scale}
        if self._value == "y":
            layout["xaxis"] = {"anchor": "y2"}
        self.drawn.update_layout(layout)
        return f"{self._value}2"

    def plot(self, marks: Sequence[Mark], name: str, *, scale: str | None = None, **settings: Any) -> None:
        """Draw (place, value) marks; the ends of intervals stand in ``spread``, below and above."""
        if not marks:
            return
        spread = settings.pop("spread", None)
        if spread is not None:
            below, above = spread
            bars = {"type": "data", "symmetric": False, "arrayminus": below, "array": above, "thickness": 1.2}
            settings[f"error_{self._value}"] = {**bars, "width": 4}
        places, values = zip(*marks, strict=True)
        across = {self._place: places, self._value: [None if isnan(value) else value for value in values]}
        axis = {f"{self._value}axis": scale} if scale else {}
        settings.setdefault("mode", "markers")
        self.drawn.add_trace(go.Scatter(**across, **axis, name=name, **settings))

    def note(self, place: float, text: str, color: str, scale: str | None) -> None:
        """Write a text at the foot of a place."""
        foot = {
            self._place: place,
            self._value: 0,
            f"{self._value}ref": f"{scale or self._value} domain",
            f"{self._value}anchor": "bottom",
        }
        # Written upwards, since neighbouring places are often closer than a word is wide.
        shape = {"textangle": -90, "yshift": 4} if self._value == "y" else {"xanchor": "left", "xshift": 4}
        self.drawn.add_annotation(**{**foot, **shape}, text=text, showarrow=False, font={"color": color, "size": 12})

    def reference(self, value: float, name: str) -> None:
        """Draw a line at one value, across all places."""
        line = {"color": QUIET, "width": 1, "dash": "dot"}
        ends = {f"{self._value}0": value, f"{self._value}1": value, f"{self._place}0": 0, f"{self._place}1": 1}
        self.drawn.add_shape(type="line", **ends, **{f"{self._place}ref": "paper"}, line=line, layer="below")
        across = {self._place: [None], self._value: [None]}
        self.drawn.add_trace(go.Scatter(**across, mode="lines", line=line, name=name))


def _draw_ours(chart: _Chart, figure: AxisFigure) -> None:
    points = [point for point in figure.points if not isnan(point.mean)]
    aside = ASIDE * _gap(figure)
    seeds = [(point.place + aside, value) for point in points for value in point.seeds]
    collapsed = [(point.place + aside, value) for point in points for value in point.collapsed_seeds]
    # A cell without a value is a gap in the line.
    joined = sorted((point.place, point.mean) for point in figure.points if point.on_line)
    chart.plot(joined, "", mode="lines", line={"color": OURS}, showlegend=False, hoverinfo="skip")
    for name, kind, symbol in (
        ("mean, 95% interval", [point for point in points if not point.collapsed_seeds], "circle"),
        ("healthy mean, others collapsed", [point for point in points if point.collapsed_seeds], "circle-open"),
    ):
        marker = {"color": OURS, "size": 9, "symbol": symbol, "line": {"width": 2, "color": OURS}}
        chart.plot([(point.place, point.mean) for point in kind], name, marker=marker, spread=_spread(kind))
    chart.plot(seeds, "one seed", marker={"color": OURS, "size": 5, "opacity": 0.5})
    chart.plot(collapsed, "collapsed seed", marker={"color": COLLAPSE, "size": 7, "symbol": "x-thin-open"})
    if not isnan(figure.baseline):
        chart.reference(figure.baseline, "baseline")


def _draw_paper(chart: _Chart, figure: AxisFigure) -> None:
    scale = None if figure.same_protocol else chart.add_panel(f"{figure.published} (%)")
    # Beside our marks where they share a panel.
    aside = 0.0 if scale else -ASIDE * _gap(figure)
    points = [point for point in figure.points if not isnan(point.published)]
    joined = sorted((point.place + aside, point.published) for point in points if point.on_line)
    dashed = {"color": PAPER, "dash": "dash", "width": 1.5}
    chart.plot(joined, "", scale=scale, mode="lines", line=dashed, showlegend=False, hoverinfo="skip")
    values = [(point.place + aside, point.published) for point in points]
    chart.plot(values, figure.published, scale=scale, marker={"color": PAPER, "size": 8, "symbol": "diamond-open"})
    for point in figure.points:
        if isnan(point.published) and point.published_note:
            chart.note(point.place + aside, point.published_note, PAPER, scale)


def _spread(points: Sequence[AxisPoint]) -> tuple[list[float | None], list[float | None]]:
    below = [None if isnan(point.ci_low) else point.mean - point.ci_low for point in points]
    above = [None if isnan(point.ci_high) else point.ci_high - point.mean for point in points]
    return below, above


def _gap(figure: AxisFigure) -> float:
    places = sorted(point.place for point in figure.points)
    return min((high - low for low, high in pairwise(places)), default=1.0)
