"""Accuracy over the epochs of training for a page."""

import plotly.graph_objects as go

from ftlab.reporting.figures.accuracy_curves import AccuracyCurves
from ftlab.reporting.pages.curve_chart import cell_styles, curve_traces
from ftlab.reporting.pages.page_style import page_figure

HEIGHT = 380


def accuracy_chart(curves: AccuracyCurves) -> go.Figure:
    """Draw a line a cell with the range of its seeds."""
    drawn = page_figure(HEIGHT, xaxis={"title": {"text": "epoch"}}, yaxis={"title": {"text": curves.label}})
    for cell, style in zip(curves.cells, cell_styles(curves), strict=True):
        curve = cell.curves[curves.metric]
        drawn.add_traces(curve_traces(cell, curve, range(len(curve.places)), style, first=True))
    return drawn.update_layout(legend={"title": {"text": f"{curves.legend} " if curves.legend else ""}})
