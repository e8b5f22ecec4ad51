"""Score statistics over the steps of training, a curve a cell (Fig. 5 of arXiv 2108.02982)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan

import pandas as pd

from ftlab.contrast.score_statistics import AFTER_FT
from ftlab.reporting.figures.cell_choice import ShownCell, choose_cells
from ftlab.reporting.figures.cell_labels import axes_in_words, swept_axis
from ftlab.reporting.figures.histories import SCORES, SEEN_SCORES, Histories, LeftOut
from ftlab.reporting.figures.missing_scores import missing_scores
from ftlab.reporting.table.ablation import AblationTable

STEP_AXIS = "optimiser step"
EPOCH_AXIS = "epoch (mean over its steps)"


@dataclass(frozen=True)
class Curve:
    """A statistic over the steps, in four series of equal length.

    Attributes:
        places: Steps so far, or epochs where single steps were not recorded.
        mean: Mean over the seeds.
        low: Smallest value of a seed.
        high: Largest value of a seed.
    """

    places: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class CellCurves:
    """The curves of a cell.

    Attributes:
        cell: Name of the cell.
        label: Its name in the figure.
        num_seeds: Number of trials that the curves are taken over.
        ft_start: Place at which FT begins; NaN if it never does.
        curves: By metric name: `SCORES` before FT, and `SEEN_SCORES` that the loss sees; without those that the cell's
            method does not have.
    """

    cell: str
    label: str
    num_seeds: int
    ft_start: float
    curves: Mapping[str, Curve]


@dataclass(frozen=True)
class ScoreCurves:
    """Everything that is drawn.

    Attributes:
        title: Question that the table answers.
        axis: Meaning of the places, in words.
        legend: The axes that tell the cells apart, in words; empty if labels are names.
        ordered: Whether the cells are values of one axis.
        transformed: Whether FT takes part in a cell, so that the scores before FT and those that the loss sees differ.
        cells: In the order of the table.
        note: The choice of cells, in words, if not all are shown; empty otherwise.
        missing: The scores that cells lack, in words; empty if none does.
    """

    title: str
    axis: str
    legend: str
    ordered: bool
    transformed: bool
    cells: tuple[CellCurves, ...]
    note: str
    missing: str = ""

    @property
    def kinds(self) -> tuple[tuple[str, ...], ...]:
        """The names of the statistics that a cell has: before FT, and, if it takes part, as the loss sees them."""
        before = tuple(name for name in SCORES if any(name in cell.curves for cell in self.cells))
        return (before, tuple(name + AFTER_FT for name in before)) if self.transformed else (before,)


def score_curves(table: AblationTable, histories: Histories) -> ScoreCurves | LeftOut:
    """Compute the score curves of a table's cells.

    The curves show single steps if all trials with scores recorded them, else the means of epochs.

    Args:
        table: The table.
        histories: The histories of its trials; of steps and metrics only the scores are read.
    """
    names = [*SCORES, *SEEN_SCORES]
    metrics = histories.metrics[histories.metrics["name"].isin(names)]
    steps = histories.steps[histories.steps["name"].isin(names)]
    recorded = {*metrics["trial_key"].unique(), *steps["trial_key"].unique()}
    choice = choose_cells(table, recorded)
    if not choice.cells:
        return LeftOut("no trial of the table recorded score statistics")
    keys = [key for cell in choice.cells for key in cell.trial_keys]
    by_step = {*keys} <= {*steps["trial_key"].unique()}
    series = steps.rename(columns={"step": "place"}) if by_step else metrics.rename(columns={"epoch": "place"})
    pace = histories.steps_per_epoch(keys) if by_step else 1
    cells = tuple(
        _cell_curves(cell, series, histories.ft_starts[cell.trial_keys[0]] * (pace or nan)) for cell in choice.cells
    )
    return ScoreCurves(
        title=table.title,
        axis=STEP_AXIS if by_step else EPOCH_AXIS,
        legend=axes_in_words(table),
        ordered=swept_axis(table) is not None,
        transformed=any(not isnan(cell.ft_start) for cell in cells),
        cells=cells,
        note=choice.note,
        missing=missing_scores({cell.label: cell.curves for cell in cells}),
    )


def _cell_curves(cell: ShownCell, series: pd.DataFrame, ft_start: float) -> CellCurves:
    own = series[series["trial_key"].isin(cell.trial_keys)]
    curves = {str(name): _curve(group) for name, group in own.groupby("name", observed=True)}
    return CellCurves(cell.name, cell.label, len(cell.trial_keys), ft_start, curves)


def _curve(series: pd.DataFrame) -> Curve:
    over_seeds = series.groupby("place")["value"].agg(["mean", "min", "max"])
    return Curve(
        _numbers(over_seeds.index.to_list()),
        _numbers(over_seeds["mean"].to_list()),
        _numbers(over_seeds["min"].to_list()),
        _numbers(over_seeds["max"].to_list()),
    )


def _numbers(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
