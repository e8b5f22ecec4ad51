"""The labels of a table's cells in figures: their values on the swept axis, or their names."""

from math import isnan

from ftlab.reporting.printed.layout import told_by_axes
from ftlab.reporting.table.ablation import AblationRow, AblationTable
from ftlab.reporting.table.axes import axis_label, axis_number, axis_text


def swept_axis(table: AblationTable) -> str | None:
    """Return the only axis that varies beside the baseline, if most of its values are numbers; else None."""
    rows = [row for row in table.rows if row.cell not in table.baselines] or list(table.rows)
    varying = [axis for axis in table.axes if len({axis_text(row.axes.get(axis)) for row in rows}) > 1]
    if len(varying) != 1:
        return None
    values = [row.axes.get(varying[0]) for row in table.rows]
    distinct = len({axis_text(value) for value in values}) == len(values)
    numeric = sum(axis_number(value) is not None for value in values)
    return varying[0] if distinct and 2 * numeric > len(values) else None


def axes_in_words(table: AblationTable) -> str:
    """Return the swept axis in words, or all axes that `cell_label` uses; empty if it uses the cells' names."""
    return ", ".join(axis_label(name) for name in _named_axes(table))


def cell_label(table: AblationTable, row: AblationRow) -> str:
    """Return the values of a cell on the axes that tell it from the other cells, or its name."""
    texts = [axis_text(row.axes.get(name)) for name in _named_axes(table)]
    return ", ".join(text for text in texts if text) or row.cell.replace("_", " ")


def panel_title(legend: str, label: str, accuracy: float) -> str:
    """Return the title of a cell's panel: its name, a value of one axis with the name of the axis, and its accuracy.

    Args:
        legend: The axes that tell the cells apart, in words.
        label: Name of the cell in the figure.
        accuracy: In percent; NaN without a value.

    >>> panel_title("key momentum", "0.99", 88.57)
    'key momentum 0.99: 88.6%'
    """
    title = f"{legend} {label}" if legend and "," not in legend else label
    return title if isnan(accuracy) else f"{title}: {accuracy:.1f}%"


def _named_axes(table: AblationTable) -> tuple[str, ...]:
    axis = swept_axis(table)
    if axis:
        return (axis,)
    return table.axes if told_by_axes(table) else ()
