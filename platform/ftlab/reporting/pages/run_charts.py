"""Figures of runs and of means over runs, laid over each other."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from ftlab.contrast.score_statistics import COSINE_RANGE
from ftlab.reporting.figures.histories import score_quantity
from ftlab.reporting.figures.run_scores import COURSE_LABELS, RunCourse, ScoreDistribution
from ftlab.reporting.pages.line_ends import end_labels, label_margin
from ftlab.reporting.pages.page_style import faint, page_figure, say_empty, series_style
from ftlab.reporting.pages.panels import compact
from ftlab.reporting.printed.metric_labels import METRIC_LABELS

PANEL_HEIGHT, TITLE_HEIGHT, FRAME_HEIGHT = 150, 26, 90
DISTRIBUTION_HEIGHT = 380
MAX_FILLED = 3
# Numbers fit into the margin: a browser takes long to find out the room of many axes.
NUMBERS = {"automargin": False}
# Room behind the last epoch for its marker, as a share of all epochs.
BEHIND = 0.03
# Below it each value has a marker.
FEW_EPOCHS = 12
AFTER = " after FT"
LABELS = {**METRIC_LABELS, **COURSE_LABELS}
# Dash and marker of positives and negatives, before and after FT.
SIGN_STYLES = {
    ("positive", False): ("solid", "circle"),
    ("positive", True): ("dot", "circle-open"),
    ("negative", False): ("dash", "triangle-down"),
    ("negative", True): ("dashdot", "triangle-down-open"),
}


class LineStyle(NamedTuple):
    """The style of a line: colour, and if it is thin, as runs beside means are."""

    color: str
    thin: bool = False


Styles = Mapping[str, LineStyle]


def courses_chart(
    courses: Sequence[RunCourse], styles: Styles | None = None, *, panel_height: int = PANEL_HEIGHT
) -> go.Figure:
    """Draw a panel a statistic over the epochs; scores after FT are dashed, and a mean has the range of its runs.

    Args:
        courses: Courses of runs and of groups of runs.
        styles: Style of each by its label; None gives every label a colour of its own.
        panel_height: Height of a panel with its title, in CSS pixels.
    """
    panels = [name for name in LABELS if any(course.statistic == name for course in courses)]
    if not panels:
        return say_empty(page_figure(FRAME_HEIGHT + PANEL_HEIGHT), "no epoch is recorded yet")
    styles = styles or _own_styles([course.run for course in courses])
    traces, notes = [], []
    for place, name in enumerate(panels):
        own = [course for course in courses if course.statistic == name]
        axis = f"y{place + 1 if place else ''}"
        for course in own:
            in_legend = place == 0 and not course.transformed
            traces += _course_traces(course, styles[course.run], axis, in_legend=in_legend)
        lines = {
            course.run: (course.epochs[-1], course.values[-1], styles[course.run].color)
            for course in own
            if course.epochs and not course.transformed and not styles[course.run].thin
        }
        values = [value for course in own for value in (*course.values, *course.low, *course.high)]
        notes += end_labels(lines, axis, values, panel_height - TITLE_HEIGHT)
    last = max((course.epochs[-1] for course in courses if course.epochs), default=1)
    layout = _stack(panels, panel_height, last)
    layout["annotations"] += notes
    margin = {"margin": {"r": label_margin(notes)}} if notes else {}
    height = FRAME_HEIGHT + panel_height * len(panels)
    # All at once: a figure takes long to add one to many.
    drawn = page_figure(height, hovermode="x unified", showlegend=False, **layout, **margin)
    return drawn.add_traces(traces)


def distribution_chart(
    distributions: Sequence[ScoreDistribution], epoch: int, styles: Styles | None = None
) -> go.Figure:
    """Draw the scores' distribution at an epoch: positives solid with circles, negatives dashed with triangles.

    Args:
        distributions: Distributions of runs and of groups of runs.
        epoch: The epoch.
        styles: Style of each by its label; None gives every label a colour of its own.
    """
    if not distributions:
        return say_empty(page_figure(DISTRIBUTION_HEIGHT), f"no histogram is recorded for epoch {epoch}")
    quantity = score_quantity(transformed=any(distribution.transformed for distribution in distributions))
    runs = list(dict.fromkeys(distribution.run for distribution in distributions))
    styles = styles or _own_styles(runs)
    traces = []
    highest: dict[str, ScoreDistribution] = {}
    for distribution in distributions:
        filled = len(runs) <= MAX_FILLED and distribution.sign == "positive" and not distribution.transformed
        traces.append(_distribution_trace(distribution, styles[distribution.run], filled=filled))
        if not distribution.transformed:
            # Names of all would cover each other.
            before = highest.get(distribution.sign, distribution)
            highest[distribution.sign] = max(before, distribution, key=lambda each: max(each.density))
    drawn = page_figure(
        DISTRIBUTION_HEIGHT,
        showlegend=False,
        annotations=[_peak_name(each) for each in highest.values()],
        xaxis={"title": {"text": f"{quantity}, epoch {epoch}"}, "range": _range(distributions)},
        yaxis={"title": {"text": "density"}, "rangemode": "tozero"},
    )
    return drawn.add_traces(traces)


def _own_styles(labels: Sequence[str]) -> Styles:
    return {label: LineStyle(series_style(place)["color"]) for place, label in enumerate(dict.fromkeys(labels))}


def _course_traces(course: RunCourse, style: LineStyle, axis: str, *, in_legend: bool) -> list[go.Scatter]:
    name = course.run + (AFTER if course.transformed else "")
    shared: dict[str, Any] = {"x": np.asarray(course.epochs), "yaxis": axis, "legendgroup": course.run}
    bounds = []
    if course.low:
        unseen = {**shared, "mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
        bounds = [
            go.Scatter(y=compact(course.low), name=f"{name}, lowest", **unseen),
            go.Scatter(
                y=compact(course.high), name=f"{name}, highest", fill="tonexty", fillcolor=faint(style.color), **unseen
            ),
        ]
    few = len(course.epochs) <= FEW_EPOCHS
    line = go.Scatter(
        y=compact(course.values),
        name=name,
        showlegend=in_legend,
        mode="lines+markers" if few else "lines",
        marker={"size": 4 if style.thin else 6},
        line={
            "color": style.color,
            "width": 0.9 if style.thin else 1.8,
            "dash": "dash" if course.transformed else "solid",
        },
        opacity=0.7 if style.thin else 1.0,
        **shared,
    )
    return [*bounds, line]


def _distribution_trace(distribution: ScoreDistribution, style: LineStyle, *, filled: bool) -> go.Scatter:
    dash, symbol = SIGN_STYLES[distribution.sign, distribution.transformed]
    return go.Scatter(
        x=compact(distribution.centres),
        y=compact(distribution.density),
        name=f"{distribution.run}, {distribution.sign}s{AFTER if distribution.transformed else ''}",
        legendgroup=distribution.run,
        mode="lines+markers",
        line={"color": style.color, "dash": dash, "width": 0.9 if style.thin else 1.6, "shape": "hvh"},
        marker={"symbol": symbol, "size": 7, "maxdisplayed": 14, "color": style.color},
        opacity=0.7 if style.thin else 1.0,
        fill="tozeroy" if filled else "none",
        fillcolor=faint(style.color),
    )


def _peak_name(distribution: ScoreDistribution) -> dict[str, Any]:
    height, place = max(zip(distribution.density, distribution.centres, strict=True))
    return {
        "text": f"{distribution.sign}s",
        "x": place,
        "y": height,
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 11},
    }


def _range(distributions: Sequence[ScoreDistribution]) -> list[float]:
    """Return the range of cosines, and as far beyond as there are scores."""
    filled = [
        centre
        for distribution in distributions
        for centre, density in zip(distribution.centres, distribution.density, strict=True)
        if density
    ]
    return [min(COSINE_RANGE[0], *filled), max(COSINE_RANGE[1], *filled)]


def _stack(panels: Sequence[str], panel_height: int, last_epoch: int) -> dict[str, Any]:
    """Return the layout of panels one below the other, each with its title."""
    room = TITLE_HEIGHT / (panel_height * len(panels))
    height = 1 / len(panels) - room
    layout: dict[str, Any] = {"annotations": []}
    for place, name in enumerate(panels):
        top = 1 - place / len(panels) - room
        layout[f"yaxis{place + 1 if place else ''}"] = {"domain": [max(top - height, 0), top], "nticks": 5, **NUMBERS}
        title = {"text": LABELS[name], "showarrow": False, "font": {"size": 13}}
        corner = {"x": 0, "y": top, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
        layout["annotations"].append({**title, **corner})
    last = f"y{len(panels)}" if len(panels) > 1 else "y"
    # Plotly's own range would make room for the labels at the ends, which have a margin.
    epochs = {"range": [0, last_epoch * (1 + BEHIND)], **NUMBERS}
    return {**layout, "xaxis": {"title": {"text": "epoch"}, "anchor": last, **epochs}}
