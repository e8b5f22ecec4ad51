"""Accuracy over the epochs of training, as far as it was judged while trials trained."""

from dataclasses import dataclass

from ftlab.reporting.figures.cell_choice import choose_cells
from ftlab.reporting.figures.cell_labels import axes_in_words, swept_axis
from ftlab.reporting.figures.histories import Histories, LeftOut
from ftlab.reporting.figures.score_curves import CellCurves, cell_curves
from ftlab.reporting.printed.metric_labels import METRIC_LABELS, metric_label
from ftlab.reporting.table.ablation import AblationTable


@dataclass(frozen=True)
class AccuracyCurves:
    """Everything that is drawn.

    Attributes:
        metric: Name of the metric.
        label: The metric in words with its unit.
        legend: The axes that tell the cells apart, in words; empty if labels are names.
        ordered: Whether the cells are values of one axis.
        cells: In the order of the table.
        note: The choice of cells, in words, if not all are shown; empty otherwise.
    """

    metric: str
    label: str
    legend: str
    ordered: bool
    cells: tuple[CellCurves, ...]
    note: str


def accuracy_curves(table: AblationTable, histories: Histories) -> AccuracyCurves | LeftOut:
    """Compute the curves of the table's metric, or of another one where that was judged after the last epoch alone.

    Args:
        table: The table.
        histories: The histories of its trials.
    """
    metrics = histories.metrics
    epochs = metrics.groupby("name", observed=True)["epoch"].nunique()
    metric = next((name for name in (table.metric, *METRIC_LABELS) if epochs.get(name, 0) > 1), None)
    if metric is None:
        return LeftOut("no accuracy was judged before the last epoch")
    own = metrics[metrics["name"] == metric].rename(columns={"epoch": "place"})
    choice = choose_cells(table, set(own["trial_key"].unique()))
    return AccuracyCurves(
        metric=metric,
        label=metric_label(metric),
        legend=axes_in_words(table),
        ordered=swept_axis(table) is not None,
        cells=tuple(cell_curves(cell, own, histories.ft_starts[cell.trial_keys[0]]) for cell in choice.cells),
        note=choice.note,
    )
