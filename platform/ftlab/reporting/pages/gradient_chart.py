"""Gradient norms for a page: a heat map a cell, layers over epochs."""

import numpy as np
import plotly.graph_objects as go

from ftlab.reporting.figures.cell_labels import panel_title
from ftlab.reporting.figures.gradient_landscape import GradientLandscape, GradientPanel
from ftlab.reporting.pages.page_style import page_figure
from ftlab.reporting.pages.panels import heat_map, mark_start, title_layout

FRAME_HEIGHT, LAYER_HEIGHT = 130, 18
DECADES = 4


def gradient_charts(landscape: GradientLandscape) -> tuple[go.Figure, ...]:
    """Draw a heat map a cell; all of them share one logarithmic scale of colours."""
    norms = np.array([panel.norms for panel in landscape.panels], dtype=float)
    logs = np.log10(norms, out=np.full_like(norms, np.nan), where=norms > 0)
    top = float(np.nanmax(logs)) if np.isfinite(logs).any() else 0.0
    low = max(float(np.nanmin(logs)), top - DECADES) if np.isfinite(logs).any() else -1.0
    return tuple(
        _chart(landscape, panel, values, (low, top)) for panel, values in zip(landscape.panels, logs, strict=True)
    )


def _chart(
    landscape: GradientLandscape, panel: GradientPanel, logs: np.ndarray, limits: tuple[float, float]
) -> go.Figure:
    drawn = page_figure(
        FRAME_HEIGHT + LAYER_HEIGHT * len(landscape.layers),
        xaxis={"title": {"text": "epoch"}, "showgrid": False},
        yaxis={"showgrid": False, "tickfont": {"size": 10}, "type": "category"},
        **title_layout(panel_title(landscape.legend, panel.label, panel.accuracy)),
    )
    drawn.add_trace(heat_map(landscape.epochs, landscape.layers, logs, limits=limits, unit="log₁₀ L2 norm"))
    mark_start(drawn, panel.ft_start)
    return drawn
