"""Gradient norms over layers and epochs, a panel a cell (Fig. 4 of arXiv 2108.02982)."""

from dataclasses import dataclass
from math import nan

import pandas as pd

from ftlab.reporting.figures.cell_choice import ShownCell, choose_cells
from ftlab.reporting.figures.cell_labels import axes_in_words
from ftlab.reporting.figures.histories import Histories, LeftOut
from ftlab.reporting.table.ablation import AblationTable


@dataclass(frozen=True)
class GradientPanel:
    """The norms of a cell.

    Attributes:
        cell: Name of the cell.
        label: Its name in the figure.
        num_seeds: Number of trials in the mean.
        ft_start: Number of epochs before FT begins; NaN if it never does.
        norms: One row a layer of the mean norm in each epoch; NaN where none was recorded.
        accuracy: Mean of the table's metric over its healthy seeds, in percent; NaN without a value.
    """

    cell: str
    label: str
    num_seeds: int
    ft_start: float
    norms: tuple[tuple[float, ...], ...]
    accuracy: float = nan


@dataclass(frozen=True)
class GradientLandscape:
    """Everything that is drawn.

    Attributes:
        title: Question that the table answers.
        legend: The axes that tell the cells apart, in words; empty if labels are names.
        layers: Names of the layers, from the images upwards.
        epochs: Numbers of the epochs, from 1.
        panels: One panel a cell, in the order of the table.
        note: The number in titles, and the choice of cells if not all are shown, in words.
    """

    title: str
    legend: str
    layers: tuple[str, ...]
    epochs: tuple[int, ...]
    panels: tuple[GradientPanel, ...]
    note: str


def gradient_landscape(table: AblationTable, histories: Histories) -> GradientLandscape | LeftOut:
    """Compute the gradient norms of a table's cells: means over the seeds, L2 norms of the weights' gradients.

    Args:
        table: The table.
        histories: The histories of its trials.
    """
    norms = histories.gradient_norms
    choice = choose_cells(table, set(norms["trial_key"].unique()))
    if not choice.cells:
        return LeftOut("no trial of the table recorded gradient norms")
    shown = norms[norms["trial_key"].isin([key for cell in choice.cells for key in cell.trial_keys])]
    layers = tuple(str(layer) for layer in shown["name"].unique())
    epochs = tuple(int(epoch) for epoch in sorted(shown["epoch"].unique()))
    return GradientLandscape(
        title=table.title,
        legend=axes_in_words(table),
        layers=layers,
        epochs=epochs,
        panels=tuple(_panel(cell, shown, histories, layers, epochs) for cell in choice.cells),
        note=choice.titled_note,
    )


def _panel(
    cell: ShownCell, norms: pd.DataFrame, histories: Histories, layers: tuple[str, ...], epochs: tuple[int, ...]
) -> GradientPanel:
    own = norms[norms["trial_key"].isin(cell.trial_keys)]
    grid = own.pivot_table(index="name", columns="epoch", values="value", observed=True)
    rows = grid.reindex(index=layers, columns=epochs).to_numpy().tolist()
    start = histories.ft_starts[cell.trial_keys[0]]
    return GradientPanel(cell.name, cell.label, len(cell.trial_keys), start, tuple(map(tuple, rows)), cell.accuracy)
