"""Score statistics over training for a page: curves of all cells, and surfaces over the swept axis."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb, sample_colorscale, unlabel_rgb
from plotly.subplots import make_subplots

from ftlab.reporting.figures.accuracy_curves import AccuracyCurves
from ftlab.reporting.figures.histories import score_label
from ftlab.reporting.figures.score_curves import CellCurves, Curve, ScoreCurves
from ftlab.reporting.figures.score_surfaces import ScoreSurfaces
from ftlab.reporting.pages.page_style import SCALE, page_figure, series_style
from ftlab.reporting.pages.panels import MAX_POINTS, color_bar, compact, title_layout

HEIGHT, SURFACE_HEIGHT = 620, 420
# Colours of the scale that are legible on white and on black.
DARKEST, LIGHTEST = 0.2, 0.88


def curves_chart(curves: ScoreCurves) -> go.Figure:
    """Draw a panel a statistic and a line a cell with the range of its seeds; a second column is after FT."""
    kinds = curves.kinds
    drawn = make_subplots(
        len(kinds[0]),
        len(kinds),
        shared_xaxes=True,
        shared_yaxes="rows" if len(kinds) > 1 else False,
        vertical_spacing=0.05,
        horizontal_spacing=0.04,
        figure=page_figure(HEIGHT),
        column_titles=["before FT", "as the loss sees them"] if len(kinds) > 1 else None,
    )
    for column, names in enumerate(kinds, start=1):
        for row, name in enumerate(names, start=1):
            for cell, style in zip(curves.cells, cell_styles(curves), strict=True):
                for trace in _cell(curves, cell, name, style, first=(row, column) == (1, 1)):
                    drawn.add_trace(trace, row, column)
    for row, name in enumerate(kinds[0], start=1):
        drawn.update_yaxes(title={"text": score_label(name)}, row=row, col=1)
    drawn.update_xaxes(title={"text": curves.axis}, row=len(kinds[0]))
    if curves.on_log_steps:
        drawn.update_xaxes(type="log", dtick=1)
    drawn.update_annotations(font_size=13)
    return drawn.update_layout(
        legend={"title": {"text": f"{curves.legend} " if curves.legend else ""}, "y": 1.06 if len(kinds) > 1 else 1.02}
    )


def surface_charts(surfaces: ScoreSurfaces) -> tuple[go.Figure, ...]:
    """Draw a surface a statistic over the swept axis and training."""
    return tuple(_surface(surfaces, name) for name in surfaces.surfaces)


def _cell(curves: ScoreCurves, cell: CellCurves, name: str, style: dict[str, str], *, first: bool) -> list[go.Scatter]:
    curve = cell.curves.get(name)
    if curve is None:
        return []
    return curve_traces(cell, curve, curves.shown_places(curve, MAX_POINTS), style, first=first)


def curve_traces(
    cell: CellCurves, curve: Curve, chosen: Sequence[int], style: Mapping[str, str], *, first: bool
) -> list[go.Scatter]:
    """Return the line of a cell and, of several seeds, the band between the lowest and the highest.

    Args:
        cell: The cell.
        curve: Its curve.
        chosen: Indices of the points that are drawn.
        style: Colour and dash.
        first: Whether the cell is named in the legend.
    """
    x, mean, low, high = (compact(part)[chosen] for part in (curve.places, curve.mean, curve.low, curve.high))
    shared = {"x": x, "legendgroup": cell.label, "mode": "lines"}
    bounds = []
    if cell.num_seeds > 1:
        unseen = {**shared, "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip"}
        bounds = [
            go.Scatter(y=low, **unseen),
            go.Scatter(y=high, fill="tonexty", fillcolor=_faint(style["color"]), **unseen),
        ]
    line = go.Scatter(y=mean, name=cell.label, showlegend=first, line={**style, "width": 1.5}, **shared)
    return [*bounds, line]


def _surface(surfaces: ScoreSurfaces, name: str) -> go.Figure:
    drawn = page_figure(SURFACE_HEIGHT, margin={"l": 0, "r": 0, "b": 0})
    rows = list(range(len(surfaces.labels)))
    drawn.add_trace(
        go.Surface(
            x=compact(surfaces.places),
            y=rows,
            z=compact(surfaces.surfaces[name]),
            colorscale=SCALE,
            colorbar=color_bar(""),
        )
    )
    drawn.update_scenes(
        xaxis={"title": {"text": surfaces.step_axis.partition(" (")[0]}},
        yaxis={"title": {"text": surfaces.axis}, "tickvals": rows, "ticktext": surfaces.row_titles},
        zaxis={"title": {"text": ""}},
        camera={"eye": {"x": -1.5, "y": -1.5, "z": 0.85}, "center": {"z": -0.2}},
        aspectratio={"x": 1.2, "y": 1.2, "z": 0.8},
    )
    return drawn.update_layout(title_layout(score_label(name)))


def cell_styles(curves: ScoreCurves | AccuracyCurves) -> list[dict[str, str]]:
    """Return colour and dash of each cell; colours run from dark to light where cells are values of one axis."""
    places = range(len(curves.cells))
    if not curves.ordered:
        return [series_style(place) for place in places]
    steps = np.linspace(DARKEST, LIGHTEST, len(places)).tolist()
    return [{"color": color, "dash": "solid"} for color in sample_colorscale(SCALE, steps)]


def _faint(color: str) -> str:
    red, green, blue = unlabel_rgb(color) if color.startswith("rgb") else hex_to_rgb(color)
    return f"rgba({red:.0f},{green:.0f},{blue:.0f},0.09)"
