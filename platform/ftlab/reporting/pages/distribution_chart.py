"""Score distributions for a page: over the epochs of a cell, and before and after FT."""

from math import isnan

import numpy as np
import plotly.graph_objects as go
from plotly.colors import get_colorscale
from plotly.subplots import make_subplots

from ftlab.contrast.score_statistics import NEGATIVES, POSITIVES
from ftlab.reporting.figures.cell_labels import panel_title
from ftlab.reporting.figures.histories import score_quantity
from ftlab.reporting.figures.score_distributions import (
    SEEN,
    DistributionPanel,
    EffectPanel,
    FtEffect,
    ScoreDistributions,
)
from ftlab.reporting.pages.page_style import OURS, PAPER, SCALE, page_figure
from ftlab.reporting.pages.panels import compact, heat_map, mark_start, thinned, title_layout

HEIGHT, EFFECT_HEIGHT = 380, 320
SIGNS = {POSITIVES: ("positives", OURS), NEGATIVES: ("negatives", PAPER)}
# Densities above it have one colour; bins without scores leave the page's background.
HIGHEST = 8.0
FROM_NOTHING = [[0.0, "rgba(0,0,0,0)"], *([max(at, 1e-4), colour] for at, colour in get_colorscale(SCALE))]


def distribution_charts(distributions: ScoreDistributions) -> tuple[go.Figure, ...]:
    """Draw heat maps of density per cell, positives above negatives; with FT also the scores that the loss sees."""
    return tuple(_over_epochs(distributions, panel) for panel in distributions.panels)


def ft_effect_charts(effect: FtEffect) -> tuple[go.Figure, ...]:
    """Draw the densities before FT as areas and those that the loss sees as lines, a figure a cell."""
    return tuple(_effect(effect, panel) for panel in effect.panels)


def _over_epochs(distributions: ScoreDistributions, panel: DistributionPanel) -> go.Figure:
    kinds = (lambda name: name,) if isnan(panel.ft_start) else (lambda name: name, SEEN.__getitem__)
    signs = [sign for sign in SIGNS if all(kind(sign) in panel.shares for kind in kinds)]
    drawn = make_subplots(
        len(signs),
        len(kinds),
        shared_xaxes=True,
        shared_yaxes=True,
        vertical_spacing=0.06,
        horizontal_spacing=0.05,
        figure=page_figure(HEIGHT),
        column_titles=["before FT", "as the loss sees them"] if len(kinds) > 1 else None,
    )
    places, width = thinned(distributions.epochs), distributions.edges[1] - distributions.edges[0]
    epochs, centres = np.array(distributions.epochs)[places], _centres(distributions.edges)
    for row, sign in enumerate(signs, start=1):
        for column, kind in enumerate(kinds, start=1):
            # Whole numbers, of which those of empty bins take no room in a file that is packed.
            per_mille = np.nan_to_num(1000.0 * np.array(panel.shares[kind(sign)])[places].T).round().astype(np.uint16)
            last = (row, column) == (1, len(kinds))
            limits = (0.0, 1000.0 * HIGHEST * width)
            map_ = heat_map(epochs, centres, per_mille, limits=limits, unit="‰ of scores", scale=last)
            drawn.add_trace(map_.update(colorscale=FROM_NOTHING), row, column)
        edges = [distributions.edges[0], distributions.edges[-1]]
        drawn.update_yaxes(title={"text": SIGNS[sign][0]}, range=edges, row=row, col=1)
    mark_start(drawn, panel.ft_start)
    drawn.update_annotations(font_size=12)
    drawn.update_xaxes(title={"text": "epoch"}, row=len(signs))
    drawn.update_xaxes(showgrid=False).update_yaxes(showgrid=False)
    title = panel_title(distributions.legend, panel.label, panel.accuracy)
    return drawn.update_layout(title_layout(title, top=60))


def _effect(effect: FtEffect, panel: EffectPanel) -> go.Figure:
    width = effect.edges[1] - effect.edges[0]
    drawn = page_figure(
        EFFECT_HEIGHT,
        xaxis={"title": {"text": score_quantity(transformed=True)}, "range": [effect.edges[0], effect.edges[-1]]},
        yaxis={"title": {"text": "density"}, "rangemode": "tozero"},
    )
    for sign, (words, color) in SIGNS.items():
        if sign not in panel.before:
            continue
        for after, shares in ((False, panel.before[sign]), (True, panel.after[sign])):
            drawn.add_trace(
                go.Scatter(
                    x=compact(_centres(effect.edges)),
                    y=compact(np.array(shares) / width),
                    name=f"{words}, {'as the loss sees them' if after else 'before FT'}",
                    mode="lines",
                    line={"color": color, "width": 1.8 if after else 0.8, "dash": "solid"},
                    fill="none" if after else "tozeroy",
                    opacity=1.0,
                )
            )
    return drawn.update_layout(title_layout(panel_title(effect.legend, panel.label, panel.accuracy), top=90))


def _centres(edges: tuple[float, ...]) -> np.ndarray:
    return np.round(np.convolve(edges, [0.5, 0.5], "valid"), 6)
