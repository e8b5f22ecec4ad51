"""Draw the distribution of scores over training with matplotlib, a panel a cell."""

from functools import partial
from math import isnan

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ftlab.contrast.score_statistics import NEGATIVES, POSITIVES, SEEN_NEGATIVES, SEEN_POSITIVES
from ftlab.reporting.figures.histories import score_quantity
from ftlab.reporting.figures.score_distributions import (
    DistributionPanel,
    ScoreDistributions,
)
from ftlab.reporting.print.panel_grid import (
    MAX_COLUMNS,
    even_columns,
    grid_height,
    label_outside,
    name_panel,
    panel_grid,
)
from ftlab.reporting.print.print_style import NEGATIVE, POSITIVE, QUIET, TWO_COLUMNS, print_figure, write_note

PANEL_HEIGHT = 3.4
VISIBLE_SHARE = 1e-3


def draw_score_distributions(figure: ScoreDistributions) -> dict[str, bytes]:
    """Return the drawn figure as ``png`` and ``pdf``; a cell with FT has two panels, before and after it."""
    num_panels = len(_stages(figure))
    # The two panels of a cell stand beside each other.
    columns = min(num_panels, MAX_COLUMNS) if figure.transformed else even_columns(num_panels)
    height = grid_height(num_panels, columns, PANEL_HEIGHT)
    return print_figure(partial(_fill_canvas, figure, columns), height, TWO_COLUMNS)


def _fill_canvas(figure: ScoreDistributions, columns: int, canvas: Figure) -> None:
    stages = _stages(figure)
    panels = panel_grid(canvas, len(stages), columns)
    for axes, (panel, names, label) in zip(panels, stages, strict=True):
        name_panel(axes, figure.legend, label)
        _draw_panel(axes, figure, panel, names)
    panels[0].set_ylim(*_visible_range(figure))
    label_outside(panels, columns, "epoch", score_quantity(transformed=figure.transformed))
    handles = [Patch(color=POSITIVE, label="positives"), Patch(color=NEGATIVE, label="negatives")]
    canvas.legend(handles=handles, loc="outside upper center", ncols=2, handlelength=1)
    how = "Darkness: the square root of the share of scores in a bin, against the fullest of the epoch."
    start = "Dotted: FT begins. Before FT, scores are cosines." if figure.transformed else ""
    write_note(canvas, " ".join(filter(None, (how, start, figure.note, figure.missing))))


def _stages(figure: ScoreDistributions) -> list[tuple[DistributionPanel, tuple[str, str], str]]:
    before, seen = (POSITIVES, NEGATIVES), (SEEN_POSITIVES, SEEN_NEGATIVES)
    stages = []
    for panel in figure.panels:
        if isnan(panel.ft_start):
            stages.append((panel, before, panel.label))
        else:
            stages += [(panel, before, f"{panel.label}, before FT"), (panel, seen, f"{panel.label}, after FT")]
    return stages


def _draw_panel(axes: Axes, figure: ScoreDistributions, panel: DistributionPanel, names: tuple[str, str]) -> None:
    epochs, edges = figure.epochs, figure.edges
    ink = np.zeros((len(edges) - 1, len(epochs), 3))
    for name, colour in zip(names, (POSITIVE, NEGATIVE), strict=True):
        if name not in panel.shares:
            continue
        ink += _darkness(panel, name)[:, :, None] * (1 - np.array(to_rgb(colour)))
    axes.imshow(
        (1 - ink).clip(0, 1),
        extent=(epochs[0] - 1, epochs[-1], edges[0], edges[-1]),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
    )
    if not isnan(panel.ft_start):
        axes.axvline(panel.ft_start, color=QUIET, linewidth=0.9, linestyle=":")


def _darkness(panel: DistributionPanel, name: str) -> NDArray[np.float64]:
    """Return (bins, epochs) numbers from 0 to 1."""
    shares = np.nan_to_num(np.array(panel.shares[name])).T
    return np.asarray(shares / shares.max(axis=0, initial=np.finfo(float).tiny)) ** 0.5


def _visible_range(figure: ScoreDistributions) -> tuple[float, float]:
    shares = np.concatenate([np.array(rows) for panel in figure.panels for rows in panel.shares.values()])
    visible = np.flatnonzero((np.nan_to_num(shares) > VISIBLE_SHARE).any(axis=0))
    return figure.edges[visible[0]], figure.edges[visible[-1] + 1]
