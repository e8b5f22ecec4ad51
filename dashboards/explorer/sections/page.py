"""The page before it is filled: its landmarks, and the parts that callbacks fill."""

from dash import dcc, html
from dash.development.base_component import Component

from explorer.address import OF_CURVES, OF_DIFFERENCES, OF_RUNS, OF_STUDY
from explorer.sections.aria import aria
from explorer.sections.chart_part import chart_heading, chart_part, epoch_slider, graph
from explorer.sections.study_section import search_field

PULSE_MILLISECONDS = 4000
# The choices that each part of the page is drawn anew for.
FIGURE_PARTS = {"against-part": OF_DIFFERENCES, "runs-part": OF_RUNS, "curves-part": OF_CURVES}
PARTS = {"study-part": OF_STUDY, **FIGURE_PARTS, "epoch-part": ("epoch",)}
STORES = ("version", *PARTS, "find-part", "overlay-part", "study-text", "cell-text", "settings-text", "gradients-drawn")


def make_page() -> Component:
    """Return the page."""
    return html.Div(
        [
            dcc.Location(id="address", refresh=False),
            dcc.Interval(id="pulse", interval=PULSE_MILLISECONDS),
            *(dcc.Store(id=name) for name in STORES),
            dcc.Store(id="part-choices", data=list(PARTS.values())),
            html.A("Skip to the table", href="#study", className="skip"),
            html.Header(
                [
                    html.P(html.A([html.B("ftlab"), " score explorer"], href="/", className="brand")),
                    html.Div(
                        [
                            html.P(id="status", role="status"),
                            html.Button("Copy link", id="copy-link", type="button"),
                        ],
                        className="tools",
                    ),
                ],
            ),
            aria(html.Nav(id="studies"), label="Experiments and profiles"),
            html.Div(html.P("Reading the tracking store ...", className="quiet"), id="message"),
            html.Main(
                [
                    aria(_study_section(), label="Table"),
                    aria(_cell_section(), label="Chosen cells"),
                ],
                id="content",
                hidden=True,
            ),
        ],
        className="page",
    )


def _study_section() -> Component:
    return html.Section(
        [
            html.Div(id="study-heading"),
            html.Div(search_field(""), id="find-place", className="find"),
            html.Div(id="table"),
            html.Div([chart_heading("axis-chart", "Accuracy"), graph("axis-chart", "Accuracy of every cell")]),
            html.Div(id="study-notes"),
        ],
        id="study",
    )


def _cell_section() -> Component:
    return html.Section(
        [
            html.Div([html.Div(id="cell-heading"), html.Div(id="color-key")], className="chosen"),
            html.Ul(id="health", className="health"),
            html.Div(
                [
                    html.H3("Runs in the figures below"),
                    html.Div(id="run-choices"),
                    aria(html.Div(id="runs", className="runs", tabIndex=0, role="group"), label="Runs"),
                    html.Div(
                        [
                            html.Label("Lay over a run of any study", htmlFor="overlay", className="quiet"),
                            dcc.Input(
                                id="overlay",
                                type="text",
                                debounce=0.3,
                                placeholder="search by study, cell, seed or key",
                            ),
                            html.Div(id="overlay-found"),
                        ],
                        className="overlay",
                    ),
                ]
            ),
            chart_part("accuracy", "Accuracy over training", "Accuracy over the epochs"),
            chart_part(
                "differences", "Differences", "Differences with their simultaneous intervals", html.Div(id="against")
            ),
            chart_part(
                "courses",
                "Scores over training",
                "Score statistics and loss over the epochs",
                html.P("Mean over the seeds, from the lowest to the highest; dashed: after FT.", className="notes"),
            ),
            chart_part(
                "distribution",
                "Distribution of scores",
                "Distribution of positive and negative scores at the chosen epoch",
                html.P(
                    "Solid, circles: positives. Dashed, triangles: negatives. Dotted, hollow: after FT.",
                    className="notes",
                ),
                html.Div(epoch_slider(1, 1, 1), id="slider"),
            ),
            html.Div(
                [
                    chart_heading("gradients", "Gradient norms"),
                    html.Div(id="gradients", className="panels"),
                ],
                id="gradients-part",
            ),
            html.Div([html.H3("Settings"), html.Div(id="settings")]),
        ],
        id="cell",
    )
