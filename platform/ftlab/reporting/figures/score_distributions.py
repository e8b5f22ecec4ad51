"""The full distribution of scores over training, and the effect of FT on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan, nan

import numpy as np
import pandas as pd

from ftlab.contrast.score_statistics import NEGATIVES, POSITIVES, SEEN_NEGATIVES, SEEN_POSITIVES
from ftlab.reporting.figures.cell_choice import ShownCell, choose_cells
from ftlab.reporting.figures.cell_labels import axes_in_words
from ftlab.reporting.figures.histories import Histories, LeftOut
from ftlab.reporting.figures.missing_scores import missing_scores
from ftlab.reporting.figures.score_bins import Floats, common_edges, counts_between
from ftlab.reporting.table.ablation import AblationTable

LAST_PART = 0.1

# Names of the scores that the loss sees by those before FT.
SEEN = {POSITIVES: SEEN_POSITIVES, NEGATIVES: SEEN_NEGATIVES}


@dataclass(frozen=True)
class DistributionPanel:
    """The distributions of a cell.

    Attributes:
        cell: Name of the cell.
        label: Its name in the figure.
        num_seeds: Number of trials whose counts were added.
        ft_start: Number of epochs before FT begins; NaN if it never does.
        shares: By score name, one row an epoch of the share of scores in each bin; a row adds up to 1. Without scores
            that the cell's method does not have.
        accuracy: Mean of the table's metric over its healthy seeds, in percent; NaN without a value.
    """

    cell: str
    label: str
    num_seeds: int
    ft_start: float
    shares: Mapping[str, tuple[tuple[float, ...], ...]]
    accuracy: float = nan


@dataclass(frozen=True)
class ScoreDistributions:
    """Everything that is drawn.

    Attributes:
        title: Question that the table answers.
        legend: The axes that tell the cells apart, in words; empty if labels are names.
        edges: Edges of the bins, which hold all scores.
        epochs: Numbers of the epochs, from 1.
        transformed: Whether FT takes part in a cell, so that the scores before FT and those that the loss sees differ.
        panels: One panel a cell, in the order of the table.
        note: The number in titles, and the choice of cells if not all are shown, in words.
        missing: The scores that cells lack, in words; empty if none does.
    """

    title: str
    legend: str
    edges: tuple[float, ...]
    epochs: tuple[int, ...]
    transformed: bool
    panels: tuple[DistributionPanel, ...]
    note: str
    missing: str = ""


@dataclass(frozen=True)
class EffectPanel:
    """The effect of FT on the scores of a cell late in training.

    Attributes:
        cell: Name of the cell.
        label: Its name in the figure.
        num_seeds: Number of trials whose counts were added.
        before: Share of scores in each bin before FT, by those of `POSITIVES` and `NEGATIVES` that its method has.
        after: Share of scores in each bin after FT, as the loss sees them.
        means_before: Mean scores before FT, from the bins' centres.
        means_after: Mean scores after FT.
        accuracy: Mean of the table's metric over its healthy seeds, in percent; NaN without a value.
    """

    cell: str
    label: str
    num_seeds: int
    before: Mapping[str, tuple[float, ...]]
    after: Mapping[str, tuple[float, ...]]
    means_before: Mapping[str, float]
    means_after: Mapping[str, float]
    accuracy: float = nan


@dataclass(frozen=True)
class FtEffect:
    """Everything that is drawn.

    Attributes:
        title: Question that the table answers.
        legend: The axes that tell the cells apart, in words; empty if labels are names.
        edges: Edges of the bins.
        epochs: First and last epoch that were added up.
        panels: One panel a cell that FT takes part in, in the order of the table.
        note: The number in titles, and the choice of cells if not all are shown, in words.
        missing: The scores that these cells lack, in words; empty if none does.
    """

    title: str
    legend: str
    edges: tuple[float, ...]
    epochs: tuple[int, int]
    panels: tuple[EffectPanel, ...]
    note: str
    missing: str = ""


def score_distributions(table: AblationTable, histories: Histories) -> ScoreDistributions | LeftOut:
    """Compute the distribution of scores in each epoch's last step, the counts of all seeds together.

    Args:
        table: The table.
        histories: The histories of its trials.
    """
    counts = histories.histograms
    choice = choose_cells(table, set(counts["trial_key"].unique()))
    if not choice.cells:
        return LeftOut("no trial of the table recorded score histograms")
    shown = counts[counts["trial_key"].isin([key for cell in choice.cells for key in cell.trial_keys])]
    epochs = tuple(int(epoch) for epoch in sorted(shown["epoch"].unique()))
    edges = common_edges(shown)
    shown = shown.assign(counts=list(counts_between(shown, edges)))
    panels = tuple(_panel(cell, shown, histories, epochs) for cell in choice.cells)
    return ScoreDistributions(
        title=table.title,
        legend=axes_in_words(table),
        edges=tuple(edges.tolist()),
        epochs=epochs,
        transformed=any(not isnan(panel.ft_start) for panel in panels),
        panels=panels,
        note=choice.titled_note,
        missing=missing_scores({panel.label: panel.shares for panel in panels}),
    )


def ft_effect(distributions: ScoreDistributions | LeftOut) -> FtEffect | LeftOut:
    """Compute the scores before FT and those that the loss sees, over the last tenth of training.

    Args:
        distributions: The distributions of the table.
    """
    if isinstance(distributions, LeftOut):
        return distributions
    transformed = [panel for panel in distributions.panels if not isnan(panel.ft_start)]
    if not transformed:
        return LeftOut("FT takes part in no cell")
    epochs = distributions.epochs
    num_last = max(1, round(LAST_PART * len(epochs)))
    centres = np.convolve(distributions.edges, [0.5, 0.5], "valid")
    return FtEffect(
        title=distributions.title,
        legend=distributions.legend,
        edges=distributions.edges,
        epochs=(epochs[-num_last], epochs[-1]),
        panels=tuple(_effect(panel, num_last, centres) for panel in transformed),
        note=distributions.note,
        missing=missing_scores({panel.label: panel.shares for panel in transformed}),
    )


def _panel(
    cell: ShownCell, histograms: pd.DataFrame, histories: Histories, epochs: tuple[int, ...]
) -> DistributionPanel:
    own = histograms[histograms["trial_key"].isin(cell.trial_keys)]
    shares = {str(name): _shares(group, epochs) for name, group in own.groupby("name", observed=True)}
    start = histories.ft_starts[cell.trial_keys[0]]
    return DistributionPanel(cell.name, cell.label, len(cell.trial_keys), start, shares, cell.accuracy)


def _shares(histograms: pd.DataFrame, epochs: tuple[int, ...]) -> tuple[tuple[float, ...], ...]:
    counts = np.stack(histograms["counts"].to_list())
    sums = np.zeros((len(epochs), counts.shape[1]))
    np.add.at(sums, np.searchsorted(epochs, histograms["epoch"]), counts)
    totals = sums.sum(axis=1, keepdims=True)
    return tuple(map(tuple, np.divide(sums, totals, out=np.full_like(sums, np.nan), where=totals > 0).tolist()))


def _effect(panel: DistributionPanel, num_last: int, centres: Floats) -> EffectPanel:
    late = {name: _late(shares, num_last) for name, shares in panel.shares.items()}
    kinds = {name: seen for name, seen in SEEN.items() if name in late and seen in late}
    before = {name: late[name] for name in kinds}
    after = {name: late[seen] for name, seen in kinds.items()}
    return EffectPanel(
        panel.cell,
        panel.label,
        panel.num_seeds,
        {name: tuple(shares.tolist()) for name, shares in before.items()},
        {name: tuple(shares.tolist()) for name, shares in after.items()},
        {name: float(shares @ centres) for name, shares in before.items()},
        {name: float(shares @ centres) for name, shares in after.items()},
        panel.accuracy,
    )


def _late(shares: tuple[tuple[float, ...], ...], num_last: int) -> Floats:
    rows = np.array([row for row in shares if not isnan(row[0])])
    return np.asarray(rows[-num_last:].mean(axis=0))
