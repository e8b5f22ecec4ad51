"""Draw score surfaces with matplotlib, three panels beside each other."""

from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ftlab.reporting.histories import score_label
from ftlab.reporting.print_style import ORDERED, TWO_COLUMNS, print_figure, write_note
from ftlab.reporting.score_surfaces import ScoreSurfaces

HEIGHT = 7.0
ELEVATION, AZIMUTH = 25, -55
MAX_LABELS = 8


def draw_score_surfaces(figure: ScoreSurfaces) -> dict[str, bytes]:
    """Return the drawn figure as ``png`` and ``pdf``."""
    return print_figure(partial(_fill_canvas, figure), HEIGHT, TWO_COLUMNS)


def _fill_canvas(figure: ScoreSurfaces, canvas: Figure) -> None:
    canvas.set_layout_engine("none")  # it knows nothing of the labels of three dimensions
    canvas.subplots_adjust(left=0.0, right=0.96, bottom=0.12, top=0.95, wspace=0.05)
    names = sorted(figure.surfaces, key=list(figure.surfaces).index, reverse=True)
    for place, name in enumerate(names, 1):
        axes: Any = canvas.add_subplot(1, len(names), place, projection="3d")
        _draw_surface(axes, figure, name)
    write_note(canvas, figure.note)


def _draw_surface(axes: Any, figure: ScoreSurfaces, name: str) -> None:
    steps, cells = np.meshgrid(figure.places, range(len(figure.labels)))
    axes.plot_surface(
        steps, cells, np.array(figure.surfaces[name]), cmap=ORDERED, rcount=len(figure.labels), ccount=steps.shape[1]
    )
    axes.view_init(ELEVATION, AZIMUTH)
    axes.set_title(score_label(name), fontsize="medium", y=0.98)
    axes.set_xlabel(figure.step_axis, labelpad=-4)
    axes.set_ylabel(figure.axis, labelpad=2)
    shown = range(0, len(figure.labels), -(-len(figure.labels) // MAX_LABELS))
    axes.set_yticks(list(shown), [figure.labels[cell] for cell in shown])
    axes.tick_params(labelsize=6, pad=-2)
