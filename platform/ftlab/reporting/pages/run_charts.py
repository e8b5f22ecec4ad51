"""Figures of single runs, laid over each other."""

from collections.abc import Sequence

import plotly.graph_objects as go

from ftlab.contrast.score_statistics import COSINE_RANGE
from ftlab.reporting.figures.histories import score_quantity
from ftlab.reporting.figures.run_scores import COURSE_LABELS, RunCourse, ScoreDistribution
from ftlab.reporting.pages.page_style import page_figure, say_empty, series_style

PANEL_HEIGHT, TITLE_HEIGHT, FRAME_HEIGHT = 150, 26, 90
DISTRIBUTION_HEIGHT = 380
MAX_LEGEND = 12
MAX_FILLED = 3
AFTER = " after FT"


def courses_chart(courses: Sequence[RunCourse]) -> go.Figure:
    """Draw a panel a statistic over the epochs, a colour a run; scores after FT are dashed."""
    panels = [name for name in COURSE_LABELS if any(course.statistic == name for course in courses)]
    if not panels:
        return say_empty(page_figure(FRAME_HEIGHT + PANEL_HEIGHT), "no epoch is recorded yet")
    drawn = page_figure(FRAME_HEIGHT + PANEL_HEIGHT * len(panels), hovermode="x unified")
    runs = list(dict.fromkeys(course.run for course in courses))
    for course in courses:
        style = {
            **series_style(runs.index(course.run)),
            **({"dash": "dash"} if course.transformed else {}),
            "width": 1.6,
        }
        place = panels.index(course.statistic)
        drawn.add_trace(
            go.Scatter(
                x=course.epochs,
                y=course.values,
                name=course.run + (AFTER if course.transformed else ""),
                legendgroup=course.run,
                showlegend=place == 0 and not course.transformed and len(runs) <= MAX_LEGEND,
                mode="lines" if len(course.epochs) > 1 else "markers",
                line=style,
                yaxis=f"y{place + 1 if place else ''}",
            )
        )
    _stack(drawn, panels)
    return drawn


def distribution_chart(distributions: Sequence[ScoreDistribution], epoch: int) -> go.Figure:
    """Draw the scores' distribution at an epoch: a colour a run, positives filled if runs are few, after FT dotted."""
    if not distributions:
        return say_empty(page_figure(DISTRIBUTION_HEIGHT), f"no histogram is recorded for epoch {epoch}")
    quantity = score_quantity(transformed=any(distribution.transformed for distribution in distributions))
    drawn = page_figure(
        DISTRIBUTION_HEIGHT,
        xaxis={"title": {"text": f"{quantity}, epoch {epoch}"}, "range": _range(distributions)},
        yaxis={"title": {"text": "density"}, "rangemode": "tozero"},
    )
    runs = list(dict.fromkeys(distribution.run for distribution in distributions))
    for distribution in distributions:
        is_positive, after = distribution.sign == "positive", distribution.transformed
        filled = is_positive and not after and len(runs) <= MAX_FILLED
        drawn.add_trace(
            go.Scatter(
                x=distribution.centres,
                y=distribution.density,
                name=f"{distribution.run}, {distribution.sign}s{AFTER if after else ''}",
                legendgroup=distribution.run,
                showlegend=len(distributions) <= MAX_LEGEND,
                mode="lines",
                line={
                    "color": series_style(runs.index(distribution.run))["color"],
                    "dash": "dot" if after else "solid",
                    "width": 1.8 if is_positive else 1.2,
                    "shape": "hvh",
                },
                fill="tozeroy" if filled else "none",
            )
        )
    return drawn


def _range(distributions: Sequence[ScoreDistribution]) -> list[float]:
    """Return the range of cosines, and as far beyond as there are scores."""
    filled = [
        centre
        for distribution in distributions
        for centre, density in zip(distribution.centres, distribution.density, strict=True)
        if density
    ]
    return [min(COSINE_RANGE[0], *filled), max(COSINE_RANGE[1], *filled)]


def _stack(drawn: go.Figure, panels: Sequence[str]) -> None:
    room = TITLE_HEIGHT / (PANEL_HEIGHT * len(panels))
    height = 1 / len(panels) - room
    for place, name in enumerate(panels):
        top = 1 - place / len(panels) - room
        drawn.update_layout(
            {f"yaxis{place + 1 if place else ''}": {"domain": [max(top - height, 0), top], "nticks": 5}}
        )
        title = {"text": COURSE_LABELS[name], "showarrow": False, "font": {"size": 13}}
        drawn.add_annotation(**title, x=0, y=top, xref="paper", yref="paper", xanchor="left", yanchor="bottom")
    last = f"y{len(panels)}" if len(panels) > 1 else "y"
    drawn.update_layout(xaxis={"title": {"text": "epoch"}, "anchor": last, "rangemode": "tozero"})
