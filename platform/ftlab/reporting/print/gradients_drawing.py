"""Draw gradient landscapes with matplotlib, a panel a cell on one logarithmic scale of colours."""

from functools import partial
from math import isnan

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import LogLocator

from ftlab.reporting.figures.cell_labels import panel_title
from ftlab.reporting.figures.gradient_landscape import GradientLandscape, GradientPanel
from ftlab.reporting.print.panel_grid import even_columns, grid_height, label_outside, name_panel, panel_grid
from ftlab.reporting.print.print_style import ORDERED, TWO_COLUMNS, print_figure, write_note

PANEL_HEIGHT = 3.4
MAX_LAYER_NAMES = 8


def draw_gradient_landscape(figure: GradientLandscape) -> dict[str, bytes]:
    """Return the drawn figure as ``png`` and ``pdf``."""
    columns = even_columns(len(figure.panels))
    height = grid_height(len(figure.panels), columns, PANEL_HEIGHT)
    return print_figure(partial(_fill_canvas, figure, columns), height, TWO_COLUMNS)


def _fill_canvas(figure: GradientLandscape, columns: int, canvas: Figure) -> None:
    norms = np.array([panel.norms for panel in figure.panels])
    seen = norms[np.isfinite(norms) & (norms > 0)]
    scale = LogNorm(seen.min(), seen.max()) if seen.size else LogNorm()
    panels = panel_grid(canvas, len(figure.panels), columns)
    for axes, panel in zip(panels, figure.panels, strict=True):
        image = _draw_panel(axes, figure, panel, scale)
    label_outside(panels, columns, "epoch", "layer")
    # Few ticks, and none of them mathematics, which brings a font of its own into the file.
    ticks = LogLocator(subs=(1.0, 3.0))
    label = "L2 norm of the weight gradient"
    bar = canvas.colorbar(image, ax=panels, label=label, pad=0.01, aspect=30, ticks=ticks, format="%g")
    bar.ax.minorticks_off()
    write_note(canvas, " ".join(filter(None, (_how_drawn(figure), figure.note))))


def _draw_panel(axes: Axes, figure: GradientLandscape, panel: GradientPanel, scale: LogNorm) -> AxesImage:
    epochs, layers = figure.epochs, range(len(figure.layers))
    image = axes.imshow(
        np.array(panel.norms),
        extent=(epochs[0] - 1, epochs[-1], -0.5, len(layers) - 0.5),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        norm=scale,
        cmap=ORDERED,
    )
    if not isnan(panel.ft_start):
        axes.axvline(panel.ft_start, color="white", linewidth=0.9, linestyle=":")
    name_panel(axes, panel_title(figure.legend, panel.label, panel.accuracy))
    shown = layers[:: -(-len(layers) // MAX_LAYER_NAMES)]
    axes.set_yticks(shown, [_short_name(figure.layers[layer]) for layer in shown], fontsize=6)
    return image


def _short_name(layer: str) -> str:
    return layer.replace("projection_head", "head").replace("backbone.layer", "layer")


def _how_drawn(figure: GradientLandscape) -> str:
    most = max(panel.num_seeds for panel in figure.panels)
    marked = any(not isnan(panel.ft_start) for panel in figure.panels)
    means = f"Mean over the steps of an epoch{f' and up to {most} seeds' if most > 1 else ''}."
    return f"{means} Dotted: FT begins." if marked else means
