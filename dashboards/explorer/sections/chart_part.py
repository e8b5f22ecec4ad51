"""The place of a figure: its heading, its downloads, its note, and the figure once it is there."""

from typing import Any, cast

from dash import dcc, html
from dash.development.base_component import Component

from explorer.sections.aria import aria
from ftlab.reporting.pages.page_style import CONFIG, page_figure, say_empty

KINDS = ("png", "svg", "pdf", "csv")
LOADING_HEIGHT = 220
# The page fits figures to its width itself: Plotly's own way draws each twice.
FIXED = {**CONFIG, "responsive": False, "modeBarButtonsToRemove": [*CONFIG["modeBarButtonsToRemove"], "toImage"]}


def chart_part(name: str, title: str, label: str, *controls: Component) -> Component:
    """Return the place of a figure that a callback draws.

    Args:
        name: Name of the figure; its place is ``{name}-part``, its note ``{name}-note``.
        title: Heading.
        label: Description of the figure for those who cannot see it.
        *controls: What stands between heading and figure.
    """
    return html.Div(
        [
            chart_heading(name, title),
            *controls,
            html.P(id=f"{name}-note", className="notes"),
            graph(name, label),
        ],
        id=f"{name}-part",
    )


def chart_heading(name: str, title: str) -> Component:
    """Return the heading of a figure with the downloads of what it shows."""
    buttons = [
        aria(
            html.Button(kind.upper(), type="button", **cast(Any, {"data-export": kind, "data-chart": name})),
            label=f"{title} as {kind.upper()}",
        )
        for kind in KINDS
    ]
    return html.Div([html.H3(title), html.Span(buttons, className="export")], className="chart-head")


def graph(name: str, label: str) -> Component:
    """Return a place for a figure that a callback draws, with a description for those who cannot see it.

    Args:
        name: Identifier of the place.
        label: Description of the figure.
    """
    loading = say_empty(page_figure(LOADING_HEIGHT), "loading ...")
    place = dcc.Graph(id=name, figure=loading, config=cast(Any, FIXED), responsive="auto")
    return aria(html.Figure(place, className="chart"), label=label)


def epoch_slider(first: int, last: int, epoch: int) -> Component:
    """Return the slider that chooses the epoch of the distribution of scores; the page's script names its parts."""
    slider = dcc.Slider(first, last, 1, value=epoch, id="epoch", marks=None)
    return html.Div([html.Span("epoch"), slider], className="slider")
