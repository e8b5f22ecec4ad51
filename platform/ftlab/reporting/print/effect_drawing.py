"""Draw the scores before FT and those that the loss sees with matplotlib, a panel a cell."""

from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ftlab.contrast.score_statistics import NEGATIVES, POSITIVES
from ftlab.reporting.figures.cell_labels import panel_title
from ftlab.reporting.figures.histories import score_quantity
from ftlab.reporting.figures.score_distributions import EffectPanel, FtEffect
from ftlab.reporting.print.panel_grid import even_columns, grid_height, label_outside, name_panel, panel_grid
from ftlab.reporting.print.print_style import NEGATIVE, POSITIVE, TWO_COLUMNS, print_figure, write_note

PANEL_HEIGHT = 3.4
VISIBLE_SHARE = 1e-3


def draw_ft_effect(figure: FtEffect) -> dict[str, bytes]:
    """Return the drawn figure as ``png`` and ``pdf``."""
    columns = even_columns(len(figure.panels))
    height = grid_height(len(figure.panels), columns, PANEL_HEIGHT)
    return print_figure(partial(_fill_canvas, figure, columns), height, TWO_COLUMNS)


def _fill_canvas(figure: FtEffect, columns: int, canvas: Figure) -> None:
    panels = panel_grid(canvas, len(figure.panels), columns)
    for axes, panel in zip(panels, figure.panels, strict=True):
        _draw_panel(axes, figure, panel)
    panels[0].set_xlim(*_visible_range(figure))
    label_outside(panels, columns, score_quantity(transformed=True), "share of scores")
    handles = [Patch(color=POSITIVE, label="positives"), Patch(color=NEGATIVE, label="negatives")]
    canvas.legend(handles=handles, loc="outside upper center", ncols=2, handlelength=1)
    first, last = figure.epochs
    how = (
        f"Upwards: before FT. Downwards: after it, as the loss sees them. Each against its fullest bin, epochs {first} "
        f"to {last}. Lines: means. Before FT, scores are cosines."
    )
    write_note(canvas, " ".join(filter(None, (how, figure.note, figure.missing))))


def _draw_panel(axes: Axes, figure: FtEffect, panel: EffectPanel) -> None:
    for name, colour in ((POSITIVES, POSITIVE), (NEGATIVES, NEGATIVE)):
        if name not in panel.before:
            continue
        for shares, means, sign in ((panel.before, panel.means_before, 1), (panel.after, panel.means_after, -1)):
            # Relative to its fullest bin: positives and negatives differ in width, and both should be visible.
            heights = sign * np.array(shares[name]) / max(shares[name])
            axes.stairs(heights, figure.edges, color=colour, fill=True, alpha=0.45)
            axes.plot([means[name]] * 2, [0, sign], color=colour, linewidth=0.9)
    axes.axhline(0, color="black", linewidth=0.6)
    name_panel(axes, panel_title(figure.legend, panel.label, panel.accuracy))
    axes.set_yticks([])


def _visible_range(figure: FtEffect) -> tuple[float, float]:
    stages = [stage for panel in figure.panels for stage in (panel.before, panel.after)]
    shares = np.array([shares for stage in stages for shares in stage.values()])
    visible = np.flatnonzero((shares > VISIBLE_SHARE).any(axis=0))
    return figure.edges[visible[0]], figure.edges[visible[-1] + 1]
