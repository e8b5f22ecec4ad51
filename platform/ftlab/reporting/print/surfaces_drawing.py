"""Draw score surfaces with matplotlib, three panels beside each other."""

from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ftlab.reporting.figures.histories import score_label
from ftlab.reporting.figures.score_surfaces import MAX_STEPS, ScoreSurfaces
from ftlab.reporting.print.print_style import ORDERED, TWO_COLUMNS, print_figure, write_note

HEIGHT = 7.2
BOTTOM, SHIFT, ZOOM = 0.15, -0.02, 0.83
ELEVATION, AZIMUTH = 25, -125
MAX_LABELS = 5
SMALL = 7
# Place and size of a colour bar below its panel, in shares of the panel's width and of the figure's height.
BAR = (0.3, 0.165, 0.45, 0.018)


def draw_score_surfaces(figure: ScoreSurfaces) -> dict[str, bytes]:
    """Return the drawn figure as ``png`` and ``pdf``."""
    return print_figure(partial(_fill_canvas, figure), HEIGHT, TWO_COLUMNS)


def _fill_canvas(figure: ScoreSurfaces, canvas: Figure) -> None:
    canvas.set_layout_engine("none")  # it does not reserve room for the labels of three dimensions
    width = 1 / len(figure.surfaces)
    for place, name in enumerate(figure.surfaces):
        frame = ((place + SHIFT) * width, BOTTOM, width, 1 - BOTTOM)
        axes: Any = canvas.add_axes(frame, projection="3d")
        surface = _draw_surface(axes, figure, name)
        left, foot, length, thickness = BAR
        below = canvas.add_axes(((place + left) * width, foot, length * width, thickness))
        bar = canvas.colorbar(surface, cax=below, orientation="horizontal")
        bar.ax.xaxis.set_major_locator(MaxNLocator(3))
        bar.ax.tick_params(labelsize=SMALL - 1)
    how = "Rows that collapsed stand behind." if figure.is_reversed else ""
    write_note(canvas, " ".join(filter(None, (how, figure.note, figure.missing))))


def _draw_surface(axes: Any, figure: ScoreSurfaces, name: str) -> Any:
    places, cells = np.meshgrid(figure.places, range(len(figure.labels)))
    values = np.array(figure.surfaces[name])
    surface = axes.plot_surface(
        places, cells, values, cmap=ORDERED, rcount=len(cells), ccount=MAX_STEPS, antialiased=False, rasterized=True
    )
    surface.set_clim(np.nanmin(values), np.nanmax(values))
    axes.view_init(ELEVATION, AZIMUTH)
    axes.set_box_aspect(None, zoom=ZOOM)
    axes.set_title(score_label(name), fontsize="medium", y=0.97)
    axes.set_xlabel(figure.step_axis.partition(" (")[0], fontsize=SMALL, labelpad=-6)
    axes.set_ylabel(figure.axis, fontsize=SMALL, labelpad=-2)
    shown = range(0, len(figure.labels), -(-len(figure.labels) // MAX_LABELS))
    axes.set_yticks(list(shown), [figure.labels[cell] for cell in shown])
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.zaxis.set_major_locator(MaxNLocator(5))
    axes.tick_params(labelsize=SMALL - 1, pad=-3)
    return surface
