"""Score statistics over the steps of training, a curve a cell (Fig. 5 of arXiv 2108.02982)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ftlab.contrast.score_statistics import AFTER_FT
from ftlab.reporting.figures.cell_choice import ShownCell, choose_cells
from ftlab.reporting.figures.cell_labels import axes_in_words, swept_axis
from ftlab.reporting.figures.histories import SCORES, SEEN_SCORES, Histories, LeftOut
from ftlab.reporting.figures.missing_scores import missing_scores
from ftlab.reporting.table.ablation import AblationTable

STEP_AXIS = "optimiser step"
EPOCH_AXIS = "epoch (mean over its steps)"
# Scores jump in the first steps, from those of random weights, further than in all others.
SPIKE_SHARE = 0.03


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

    @property
    def on_log_steps(self) -> bool:
        """Return whether steps stand on a logarithmic axis: most happens in the first ones, unless FT begins later."""
        return self.axis == STEP_AXIS and not self.transformed

    @property
    def first_place(self) -> float:
        """The place from which on curves are shown: step 1 on a logarithmic axis, else behind the first spike."""
        if self.on_log_steps:
            return 1.0
        return after_spike([curve.places[-1] for cell in self.cells for curve in cell.curves.values() if curve.places])

    def shown_places(self, curve: Curve, num_points: int) -> list[int]:
        """Return the indices of at most so many points of a curve, evenly spaced on the axis; empty without any."""
        first = self.first_place
        shown = [place for place, step in enumerate(curve.places) if step >= first]
        return [shown[place] for place in _spaced(len(shown), num_points, is_log=self.on_log_steps)] if shown else []


def _spaced(size: int, num_points: int, *, is_log: bool) -> NDArray[np.int64]:
    """Return at most so many places among ``size``, the first and the last among them."""
    if is_log:
        return np.unique(np.geomspace(1, size, num_points).round().astype(np.int64)) - 1
    return np.unique(np.linspace(0, size - 1, min(size, num_points)).round().astype(np.int64))


def after_spike(places: Sequence[float]) -> float:
    """Return the place, among those of steps or epochs, behind the first spike.

    >>> after_spike(range(1, 101)), after_spike([1, 2])
    (3.0, 0.06)
    """
    return SPIKE_SHARE * max(places, default=0.0)


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
        cell_curves(cell, series, histories.ft_starts[cell.trial_keys[0]] * (pace or nan)) for cell in choice.cells
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


def cell_curves(cell: ShownCell, series: pd.DataFrame, ft_start: float) -> CellCurves:
    """Return the curves of a cell.

    Args:
        cell: The cell.
        series: ``trial_key``, ``name``, ``place``, ``value``.
        ft_start: Place at which FT begins; NaN if it never does.
    """
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
