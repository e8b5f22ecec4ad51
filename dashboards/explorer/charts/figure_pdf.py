"""The figures of the page as PDF: the marks that Plotly shows, drawn by matplotlib."""

import io
import re
from collections.abc import Sequence
from html import unescape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

DPI = 96
WIDTH = 720
DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
MARKERS = {"circle": "o", "diamond": "D", "triangle-down": "v", "x-thin": "x"}
RGBA = re.compile(r"rgba\((\d+),(\d+),(\d+),([\d.]+)\)")


def figures_pdf(figures: Sequence[go.Figure]) -> bytes:
    """Return figures as PDF, a page each, with their legends.

    Args:
        figures: Figures of lines, markers, bands and heat maps.
    """
    content = io.BytesIO()
    # Without the date, so that the same figure gives the same bytes.
    with PdfPages(content, metadata={"CreationDate": None}) as pages:
        for figure in figures:
            pages.savefig(_draw(figure))
    return content.getvalue()


def _draw(figure: go.Figure) -> Figure:
    layout = figure.layout
    canvas = Figure(figsize=(WIDTH / DPI, ((layout.height or 400) + 60) / DPI), dpi=DPI, layout="constrained")
    names = sorted({trace.yaxis or "y" for trace in figure.data}, key=lambda name: int(name[1:] or 1)) or ["y"]
    panels = dict(zip(names, np.atleast_1d(canvas.subplots(len(names), sharex=True)), strict=True))
    for trace in figure.data:
        axes = panels[trace.yaxis or "y"]
        if trace.type == "heatmap":
            _heat_map(canvas, axes, trace)
        else:
            _scatter(axes, trace)
    for name, axes in panels.items():
        _dress(axes, layout[f"yaxis{name[1:]}"], name, layout)
    bottom = list(panels.values())[-1]
    bottom.set_xlabel(_text(layout.xaxis.title.text))
    if layout.xaxis.range:
        bottom.set_xlim(layout.xaxis.range)
    titles = [note for note in layout.annotations if note.xref == "paper" and note.yref == "paper"]
    for axes, note in zip(panels.values(), titles, strict=False):
        axes.set_title(_text(note.text), loc="left", fontsize=9)
    if layout.title.text:
        canvas.suptitle(_text(layout.title.text), fontsize=10)
    handles = {
        label: handle
        for axes in panels.values()
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    if len(handles) > 1:
        canvas.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return canvas


def _scatter(axes: Axes, trace: go.Scatter) -> None:
    x, y = _numbers(trace.x), _numbers(trace.y)
    color = trace.line.color or trace.marker.color or "black"
    if trace.fill == "tonexty":
        # The lower bound of a band is the trace before it.
        lower = axes.get_lines()[-1]
        axes.fill_between(x, np.asarray(lower.get_ydata(), dtype=float), y, color=_color(trace.fillcolor), linewidth=0)
        lower.remove()
        return
    symbol = str(trace.marker.symbol or "circle")
    hidden = trace.hoverinfo == "skip" or trace.showlegend is False
    style: dict[str, Any] = {
        "color": _color(color),
        "alpha": trace.opacity,
        "linestyle": DASHES[trace.line.dash or "solid"] if "lines" in trace.mode else "none",
        "linewidth": 1.2 if trace.line.width is None else trace.line.width,
        "drawstyle": "steps-mid" if trace.line.shape == "hvh" else "default",
        "label": f"_{trace.name}" if hidden or not trace.name else _text(trace.name),
    }
    if "markers" in trace.mode:
        style |= {
            "marker": MARKERS.get(symbol.removesuffix("-open"), "o"),
            "markersize": 0.7 * (trace.marker.size or 6),
        }
        style |= {"markerfacecolor": "none"} if symbol.endswith("-open") else {}
        if trace.marker.maxdisplayed:
            style["markevery"] = max(len(x) // int(trace.marker.maxdisplayed), 1)
    axes.plot(x, y, **style)
    for across, error in (("xerr", trace.error_x), ("yerr", trace.error_y)):
        if error.array is not None:
            spread = np.nan_to_num(np.array([_numbers(error.arrayminus), _numbers(error.array)]))
            axes.errorbar(x, y, **{across: spread}, fmt="none", ecolor=_color(color), elinewidth=1, capsize=3)
    if trace.fill == "tozeroy":
        axes.fill_between(x, y, color=_color(trace.fillcolor), step="mid", linewidth=0)


def _heat_map(canvas: Figure, axes: Axes, trace: go.Heatmap) -> None:
    values = np.asarray(trace.z, dtype=float)
    rows = np.arange(values.shape[0])
    drawn = axes.pcolormesh(_numbers(trace.x), rows, values, vmin=trace.zmin, vmax=trace.zmax, rasterized=True)
    axes.set_yticks(rows, [_text(name) for name in trace.y], fontsize=8)
    canvas.colorbar(drawn, ax=axes, label=_text(trace.colorbar.title.text))


def _dress(axes: Axes, axis: Any, name: str, layout: go.Layout) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    if axis.tickvals is not None:
        axes.set_yticks(list(axis.tickvals), [_text(text) for text in axis.ticktext])
    if axis.range:
        axes.set_ylim(axis.range)
    if axis.title.text:
        axes.set_ylabel(_text(axis.title.text))
    if layout.xaxis.tickvals is not None:
        axes.set_xticks(list(layout.xaxis.tickvals), [_text(text) for text in layout.xaxis.ticktext])
    for shape in layout.shapes:
        if shape.x0 is not None and shape.x0 == shape.x1:
            axes.axvline(shape.x0, color="0.5", linewidth=0.8, linestyle=":" if shape.line.dash else "-")
    for note in layout.annotations:
        if note.yref == name and note.xref != "paper":
            # Offsets are pixels downwards on a page, and points upwards here.
            shift = (0.75 * (note.ax or 4), -0.75 * (note.ay or -3))
            text = {
                "textcoords": "offset points",
                "fontsize": 8,
                "va": "center",
                "color": note.arrowcolor or note.font.color,
            }
            axes.annotate(_text(note.text), (note.x, note.y), shift, **text)


def _numbers(values: Any) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def _color(color: str) -> Any:
    found = RGBA.fullmatch(color)
    return color if found is None else (*(int(part) / 255 for part in found.groups()[:3]), float(found.group(4)))


def _text(text: str | None) -> str:
    # Dollars would begin mathematics.
    return unescape((text or "").replace("<br>", "\n")).replace("$", r"\$")
