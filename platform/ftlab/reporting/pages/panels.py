"""The parts that figures of many cells share: thinned series, heat maps, titles."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from ftlab.reporting.pages.page_style import QUIET, SCALE

MAX_POINTS = 240


def thinned(places: Sequence[float]) -> NDArray[np.int64]:
    """Return at most `MAX_POINTS` evenly spaced indices, the first and the last among them."""
    return np.unique(np.linspace(0, len(places) - 1, min(len(places), MAX_POINTS)).round().astype(np.int64))


def compact(values: ArrayLike) -> NDArray[np.float32]:
    """Return numbers as float32, which is all that a screen can show."""
    return np.asarray(values, dtype=np.float32)


def heat_map(
    columns: ArrayLike,
    rows: ArrayLike,
    values: ArrayLike,
    *,
    limits: tuple[float, float],
    unit: str,
    scale: bool = True,
) -> go.Heatmap:
    """Return a heat map.

    Args:
        columns: Places of the columns.
        rows: Places or names of the rows.
        values: Values row by row; NaN is left empty.
        limits: Values of the first and the last colour.
        unit: Quantity that the colour shows.
        scale: Whether a scale of colours stands beside it.
    """
    found = np.asarray(values)
    return go.Heatmap(
        x=columns,
        y=rows,
        z=found if np.issubdtype(found.dtype, np.integer) else compact(found),
        zmin=limits[0],
        zmax=limits[1],
        colorscale=SCALE,
        showscale=scale,
        colorbar=color_bar(unit),
        hovertemplate=f"%{{x}}, %{{y}}: %{{z:.3g}} {unit}<extra></extra>",
    )


def color_bar(unit: str) -> dict[str, Any]:
    """Return a thin scale of colours with its unit."""
    return {
        "title": {"text": unit, "side": "right", "font": {"size": 11}},
        "thickness": 8,
        "outlinewidth": 0,
        "tickfont": {"size": 11},
        "tickcolor": QUIET,
    }


def title_layout(title: str, top: int = 34) -> dict[str, Any]:
    """Return the layout of a panel with a title above it, and a margin at its top in CSS pixels."""
    place = {"x": 0, "xanchor": "left", "y": 1, "yanchor": "top", "pad": {"t": 6}}
    return {"title": {"text": title, "font": {"size": 13}, **place}, "margin": {"t": top}}


def mark_start(drawn: go.Figure, epoch: float, **where: str) -> None:
    """Draw a line at the epoch at which FT begins; nothing for NaN."""
    if epoch == epoch:
        drawn.add_vline(x=epoch, line={"color": QUIET, "width": 1, "dash": "dot"}, **where)
