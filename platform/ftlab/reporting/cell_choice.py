"""Which cells of a table a figure of many panels shows."""

from collections.abc import Collection
from dataclasses import dataclass

from ftlab.reporting.ablation import AblationRow, AblationTable
from ftlab.reporting.cell_labels import cell_label

MAX_CELLS = 12


@dataclass(frozen=True)
class ShownCell:
    """A cell that a figure shows.

    Attributes:
        name: Name of the cell.
        label: What the figure calls it.
        trial_keys: Its trials that have something to show, by seed.
    """

    name: str
    label: str
    trial_keys: tuple[str, ...]


@dataclass(frozen=True)
class CellChoice:
    """The cells that a figure shows, in the order of the table.

    Attributes:
        cells: Cells of which a trial has something to show, at most `MAX_CELLS`.
        note: How cells were chosen where not all are shown, and which have nothing to show; empty where all are.
    """

    cells: tuple[ShownCell, ...]
    note: str


def choose_cells(table: AblationTable, recorded: Collection[str], max_cells: int = MAX_CELLS) -> CellChoice:
    """Choose evenly spaced cells, with the baseline, the best and the worst among them.

    Args:
        table: The table.
        recorded: Keys of the trials that have something to show.
        max_cells: At least 3.
    """
    cells = [_shown(table, row, recorded) for row in table.rows]
    there = [place for place, cell in enumerate(cells) if cell.trial_keys]
    chosen = sorted(_spaced(there, _extremes(table, there), max_cells))
    notes = []
    if len(chosen) < len(there):
        notes.append(f"{len(chosen)} of {len(there)} cells, evenly spaced, with baseline, best and worst.")
    if absent := [cell.label for cell in cells if not cell.trial_keys]:
        notes.append(f"Nothing recorded for {', '.join(absent)}.")
    return CellChoice(tuple(cells[place] for place in chosen), " ".join(notes))


def _shown(table: AblationTable, row: AblationRow, recorded: Collection[str]) -> ShownCell:
    keys = (trial.trial_key for trial in table.trials_of(row.cell))
    return ShownCell(row.cell, cell_label(table, row), tuple(key for key in keys if key in recorded))


def _extremes(table: AblationTable, places: list[int]) -> set[int]:
    valued = [place for place in places if table.rows[place].summary.n]
    ranked = sorted(valued, key=lambda place: table.rows[place].summary.mean)
    return {*ranked[:1], *ranked[-1:], *(place for place in places if table.rows[place].cell == table.baseline)}


def _spaced(places: list[int], needed: set[int], max_cells: int) -> set[int]:
    if len(places) <= max_cells:
        return set(places)
    others = [place for place in places if place not in needed]
    room = max_cells - len(needed)
    return needed | {others[round(rank * (len(others) - 1) / max(room - 1, 1))] for rank in range(room)}
