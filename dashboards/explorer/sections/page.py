"""The page before it is filled: its landmarks, and the parts that callbacks fill."""

from typing import Any, cast

import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from explorer.sections.aria import aria
from explorer.sections.cell_section import run_checklist
from ftlab.reporting.pages.page_style import CONFIG

PULSE_MILLISECONDS = 4000


def make_page() -> Component:
    """Return the page."""
    return html.Div(
        [
            dcc.Location(id="address", refresh=False),
            dcc.Interval(id="pulse", interval=PULSE_MILLISECONDS),
            dcc.Store(id="version"),
            dcc.Store(id="chosen-cell"),
            html.A("Skip to the table", href="#study", className="skip"),
            html.Header(
                [
                    dcc.Link([html.B("ftlab"), " score explorer"], href="/", className="brand"),
                    html.P(id="status", role="status"),
                ],
            ),
            aria(html.Nav(id="studies"), label="Experiments and profiles"),
            html.Div(html.P("Reading the tracking store ...", className="quiet"), id="message"),
            html.Main(
                [
                    aria(
                        html.Section([html.Div(id="table"), graph("axis-chart", "Accuracy of every cell")], id="study"),
                        label="Table",
                    ),
                    aria(_cell_section(), labelledby="cell-heading"),
                ],
                id="content",
                hidden=True,
            ),
        ],
        className="page",
    )


def _cell_section() -> Component:
    return html.Section(
        [
            html.Div(id="cell-heading"),
            html.Ul(id="health", className="health"),
            html.Fieldset(
                [
                    html.Legend("Runs in the figures below"),
                    html.Div(run_checklist("", [], []), id="run-list"),
                    html.Label("Lay over runs of any study", htmlFor="overlay", className="quiet"),
                    dcc.Dropdown(id="overlay", multi=True, placeholder="search by study, cell, seed or key"),
                ]
            ),
            html.Div([html.H3("Scores over training"), graph("courses", "Score statistics and loss over the epochs")]),
            html.Div(
                [
                    html.H3("Distribution of scores", id="distribution-heading"),
                    html.Div(
                        [html.Span("epoch", id="epoch-label"), dcc.Slider(1, 1, 1, value=1, id="epoch", marks=None)],
                        className="slider",
                    ),
                    graph("distribution", "Distribution of positive and negative scores at the chosen epoch"),
                ],
                id="distribution-part",
            ),
            html.Div([html.H3("Gradient norms"), html.Div(id="landscape", className="panels")], id="landscape-part"),
        ],
        id="cell",
    )


def graph(identifier: str, label: str, drawn: go.Figure | None = None) -> Component:
    """Return a place for a figure, with a description for those who cannot see it.

    Args:
        identifier: Identifier of the place.
        label: Description of the figure.
        drawn: The figure; None if a callback draws it.
    """
    figure = {} if drawn is None else {"figure": drawn}
    place = dcc.Graph(id=identifier, config=cast(Any, CONFIG), responsive="auto", **figure)
    return aria(html.Figure(place, className="chart"), label=label)
