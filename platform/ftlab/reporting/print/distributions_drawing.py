"""Draw the distribution of scores over training with matplotlib, a panel a cell."""

from collections.abc import Sequence
from functools import partial
from math import isnan

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ftlab.contrast.score_statistics import NEGATIVES, POSITIVES, SEEN_NEGATIVES, SEEN_POSITIVES
from ftlab.reporting.figures.cell_labels import panel_title
from ftlab.reporting.figures.histories import score_quantity
from ftlab.reporting.figures.score_distributions import (
    DistributionPanel,
    ScoreDistributions,
)
from ftlab.reporting.print.panel_grid import even_columns, grid_height, label_outside, name_panel
from ftlab.reporting.print.print_style import NEGATIVE, POSITIVE, QUIET, TWO_COLUMNS, print_figure, write_note

PANEL_HEIGHT = 2.9
VISIBLE_SHARE = 1e-3
BEFORE, SEEN = (POSITIVES, NEGATIVES), (SEEN_POSITIVES, SEEN_NEGATIVES)

Names = tuple[str, str]


def draw_score_distributions(figure: ScoreDistributions) -> dict[str, bytes]:
    """Return the drawn figure as ``png`` and ``pdf``; a cell with FT has two panels, that after FT below the other."""
    columns = even_columns(len(figure.panels))
    height = grid_height(len(figure.panels), columns, PANEL_HEIGHT * len(_stages(figure)))
    return print_figure(partial(_fill_canvas, figure, columns), height, TWO_COLUMNS)


def _fill_canvas(figure: ScoreDistributions, columns: int, canvas: Figure) -> None:
    stages = _stages(figure)
    num_rows = -(-len(figure.panels) // columns)
    grid = canvas.subplots(num_rows * len(stages), columns, sharex=True, squeeze=False)
    for level, (stage, names) in enumerate(stages.items()):
        panels = list(grid[level :: len(stages)].flat)
        _draw_stage(figure, panels, names, columns)
        label_outside(panels, columns, "epoch" if level == len(stages) - 1 else "", _score(figure, stage))
    for place, axes in enumerate(grid[:: len(stages)].flat):
        if place < len(figure.panels):
            panel = figure.panels[place]
            name_panel(axes, panel_title(figure.legend, panel.label, panel.accuracy))
    handles = [Patch(color=POSITIVE, label="positives"), Patch(color=NEGATIVE, label="negatives")]
    canvas.legend(handles=handles, loc="outside upper center", ncols=2, handlelength=1)
    how = "Darkness: the square root of the share of scores in a bin, against the fullest of the epoch."
    start = "Dotted: FT begins." if figure.transformed else ""
    write_note(canvas, " ".join(filter(None, (how, start, figure.note, figure.missing))))


def _stages(figure: ScoreDistributions) -> dict[str, Names]:
    """Return the names of the scores of each row of panels, by what it shows."""
    return {"before FT": BEFORE, "after FT": SEEN} if figure.transformed else {"": BEFORE}


def _score(figure: ScoreDistributions, stage: str) -> str:
    quantity = score_quantity(transformed=figure.transformed and stage != "before FT")
    return f"{stage}\n{quantity}" if stage else quantity


def _draw_stage(figure: ScoreDistributions, panels: list[Axes], names: Names, columns: int) -> None:
    """Draw the scores of one stage of all cells on one scale; a cell without FT has none after it."""
    shown = [panel for panel in figure.panels if names is BEFORE or not isnan(panel.ft_start)]
    limits = _visible_range(figure, shown, names)
    for place, axes in enumerate(panels):
        if place < len(figure.panels) and figure.panels[place] in shown:
            _draw_panel(axes, figure, figure.panels[place], names)
            axes.set_ylim(*limits)
        elif place < len(figure.panels) and place % columns == 0:
            axes.set_ylim(*limits)  # its scale names those of the row
            axes.text(0.5, 0.5, "no FT", transform=axes.transAxes, ha="center", va="center", color=QUIET, fontsize=7)
        else:
            axes.set_visible(False)


def _draw_panel(axes: Axes, figure: ScoreDistributions, panel: DistributionPanel, names: Names) -> None:
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


def _visible_range(
    figure: ScoreDistributions, panels: Sequence[DistributionPanel], names: Names
) -> tuple[float, float]:
    """Return the range of the bins that hold more than a thousandth of the scores on average over the epochs."""
    kinds = [np.array(panel.shares[name]) for panel in panels for name in names if name in panel.shares]
    means = np.array([np.nan_to_num(shares).mean(axis=0) for shares in kinds])
    visible = np.flatnonzero((means > VISIBLE_SHARE).any(axis=0))
    return figure.edges[visible[0]], figure.edges[visible[-1] + 1]
