"""The page before it is filled: its landmarks, and the parts that callbacks fill."""

from typing import Any, cast

from dash import dcc, html
from dash.development.base_component import Component

from explorer.aria import aria
from ftlab.reporting.pages.page_style import CONFIG

PULSE_MILLISECONDS = 4000


def make_page() -> Component:
    """Return the page."""
    return html.Div(
        [
            dcc.Location(id="address", refresh=False),
            dcc.Interval(id="pulse", interval=PULSE_MILLISECONDS),
            dcc.Store(id="version"),
            html.A("Skip to the table", href="#study", className="skip"),
            html.Header(
                [
                    dcc.Link([html.B("ftlab"), " score explorer"], href="/", className="brand"),
                    html.P(id="status", role="status"),
                ],
            ),
            aria(html.Nav(id="studies"), label="Experiments and profiles"),
            html.Div(id="message"),
            html.Main(
                [
                    aria(
                        html.Section([html.Div(id="table"), graph("axis-chart", "Accuracy of every cell")], id="study"),
                        label="Table",
                    ),
                ],
                id="content",
            ),
        ],
        className="page",
    )


def graph(identifier: str, label: str) -> Component:
    """Return a place for a figure, with what it shows for those who cannot see it."""
    drawn = dcc.Graph(id=identifier, config=cast(Any, CONFIG), responsive=True)
    return aria(html.Figure(drawn, className="chart"), label=label)
