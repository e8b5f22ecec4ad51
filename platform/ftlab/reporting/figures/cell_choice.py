"""The choice of the cells that a figure of many panels shows."""

from collections.abc import Collection
from dataclasses import dataclass
from math import isnan

from ftlab.reporting.figures.cell_labels import cell_label
from ftlab.reporting.printed.metric_labels import metric_name
from ftlab.reporting.table.ablation import AblationRow, AblationTable

MAX_CELLS = 12


@dataclass(frozen=True)
class ShownCell:
    """A cell that a figure shows.

    Attributes:
        name: Name of the cell.
        label: Its name in the figure.
        trial_keys: Its trials that have something to show, by seed.
        accuracy: Mean of the table's metric over its healthy seeds, in percent; NaN without a value.
    """

    name: str
    label: str
    trial_keys: tuple[str, ...]
    accuracy: float


@dataclass(frozen=True)
class CellChoice:
    """The cells that a figure shows, in the order of the table.

    Attributes:
        cells: Cells with a trial that has something to show.
        note: The choice of cells, in words, and the cells without anything to show; empty if all are shown.
        metric: Name of the table's metric in words.
    """

    cells: tuple[ShownCell, ...]
    note: str
    metric: str

    @property
    def titled_note(self) -> str:
        """The note of a figure whose titles have the accuracies of its cells."""
        named = f"In titles: mean {self.metric}." if any(not isnan(cell.accuracy) for cell in self.cells) else ""
        return " ".join(text for text in (named, self.note) if text)


def shown_rows(table: AblationTable, max_cells: int = MAX_CELLS) -> tuple[AblationRow, ...]:
    """Return the rows that figures show: evenly spaced ones, with the baseline, the best and the worst among them.

    Args:
        table: The table.
        max_cells: At least 3.
    """
    rows = [row for row in table.rows if row.n_trials]
    if len(rows) <= max_cells:
        return tuple(rows)
    needed = _extremes(table, rows)
    others = [place for place in range(len(rows)) if place not in needed]
    room = max_cells - len(needed)
    spaced = {others[round(rank * (len(others) - 1) / max(room - 1, 1))] for rank in range(room)}
    return tuple(rows[place] for place in sorted(needed | spaced))


def choose_cells(table: AblationTable, recorded: Collection[str]) -> CellChoice:
    """Return the cells of `shown_rows` that have something to show.

    Args:
        table: The table.
        recorded: Keys of the trials that have something to show.
    """
    rows = shown_rows(table)
    cells = [_shown(table, row, recorded) for row in rows]
    num_trained = sum(row.n_trials > 0 for row in table.rows)
    notes = []
    if len(rows) < num_trained:
        notes.append(f"{len(rows)} of {num_trained} cells, evenly spaced, with baseline, best and worst.")
    if absent := [cell.label for cell in cells if not cell.trial_keys]:
        notes.append(f"Not recorded: {', '.join(absent)}.")
    shown = tuple(cell for cell in cells if cell.trial_keys)
    return CellChoice(shown, " ".join(notes), metric_name(table.metric))


def _shown(table: AblationTable, row: AblationRow, recorded: Collection[str]) -> ShownCell:
    keys = (trial.trial_key for trial in table.trials_of(row.cell))
    return ShownCell(row.cell, cell_label(table, row), tuple(key for key in keys if key in recorded), row.summary.mean)


def _extremes(table: AblationTable, rows: list[AblationRow]) -> set[int]:
    ranked = sorted((row.summary.mean, place) for place, row in enumerate(rows) if row.summary.n)
    baseline = {place for place, row in enumerate(rows) if row.cell in table.baselines}
    return baseline | {place for _, place in (*ranked[:1], *ranked[-1:])}
