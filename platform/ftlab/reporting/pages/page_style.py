"""The style of all figures on pages.

Backgrounds are transparent, and a page colours text and grid by its own style sheet, so that one figure fits light
and dark pages. A picture that the reader saves has the colours of `INK` and `GRID`.
"""

from functools import cache
from typing import Any

import plotly.graph_objects as go
from plotly.colors import hex_to_rgb, unlabel_rgb

# Okabe and Ito's palette, told apart by colour-blind readers, in an order that is legible on white and on black.
OURS, PAPER, COLLAPSE, QUIET = "#0f7fc1", "#D55E00", "#c2578f", "#808890"
SERIES = (OURS, PAPER, "#009E73", "#E69F00", COLLAPSE, "#56B4E9", "#8a7f00", "#7e6bc4")
DASHES = ("solid", "dash", "dot", "dashdot")
INK, GRID = "#32383f", "#d8dee4"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
SCALE = "Viridis"

CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,  # Plotly's default is a button that uploads the figure
    "plotlyServerURL": "",
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
    "toImageButtonOptions": {"scale": 3},
}


@cache
def _template() -> go.layout.Template:
    axis = {"gridcolor": GRID, "linecolor": QUIET, "zeroline": False, "ticks": "outside", "tickcolor": QUIET}
    scene_axis = {"backgroundcolor": "rgba(0,0,0,0)", "gridcolor": QUIET, "color": QUIET, "zeroline": False}
    layout = go.Layout(
        font={"family": FONT, "size": 13, "color": INK},
        colorway=SERIES,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 64, "r": 24, "t": 16, "b": 56},
        hovermode="closest",
        hoverlabel={"font": {"family": FONT, "size": 12}},
        legend={"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
        modebar={"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": QUIET, "activecolor": OURS},
        xaxis={**axis, "title": {"standoff": 12}, "automargin": True},
        yaxis={**axis, "title": {"standoff": 8}, "automargin": True},
        scene=dict.fromkeys(("xaxis", "yaxis", "zaxis"), scene_axis),
    )
    layout.update(xaxis_title_font_size=13, yaxis_title_font_size=13)
    return go.layout.Template(layout=layout)


def page_figure(height: int, **layout: Any) -> go.Figure:
    """Return an empty figure in the style of our pages, as wide as its place.

    Args:
        height: In CSS pixels.
        **layout: Further settings of Plotly's layout.
    """
    return go.Figure(layout={"template": _template(), "height": height, **layout})


def say_empty(figure: go.Figure, text: str) -> go.Figure:
    """Write a text where marks would be, and leave the axes out."""
    figure.add_annotation(text=text, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)
    return figure.update_xaxes(visible=False).update_yaxes(visible=False)


def series_style(place: int) -> dict[str, str]:
    """Return colour and dash of the ``place``-th of several lines; they repeat only after 32."""
    return {"color": SERIES[place % len(SERIES)], "dash": DASHES[place // len(SERIES) % len(DASHES)]}


def faint(color: str) -> str:
    """Return a colour that is almost transparent, for the band around a line."""
    red, green, blue = unlabel_rgb(color) if color.startswith("rgb") else hex_to_rgb(color)
    return f"rgba({red:.0f},{green:.0f},{blue:.0f},0.12)"
