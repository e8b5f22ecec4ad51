"""The baseline of each row: one for the whole table, or one for each group of rows."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ftlab.errors import ConfigError, nearest
from ftlab.reporting.table.axes import Axes, AxisValue, axis_text, same_value


@dataclass(frozen=True)
class GroupBaselines:
    """A baseline for each group of rows; a group shares the value of an axis.

    Attributes:
        within: Dotted name of the axis.
        cells: Name of the group's baseline, by the text of the axis value.
    """

    within: str
    cells: Mapping[str, str]


Baseline = str | GroupBaselines | None


def baseline_of(baseline: Baseline, axes: Axes) -> str | None:
    """Return the name of the baseline of a row with these axes; None without one."""
    if isinstance(baseline, GroupBaselines):
        return baseline.cells.get(axis_text(axes.get(baseline.within)))
    return baseline


def baseline_names(baseline: Baseline) -> tuple[str, ...]:
    """Return the names of all baselines, in the order of their groups."""
    if isinstance(baseline, GroupBaselines):
        return tuple(baseline.cells.values())
    return () if baseline is None else (baseline,)


def find_group_baselines(rows: Mapping[str, Axes], within: str, cell: str, place: str) -> GroupBaselines:
    """Return the baseline of each group: the row that ``cell`` names when the group's value is left out.

    That is, in this order, a row of that name; one whose name without the value of the group is that name, such as
    ``moco none`` or ``name=moco none``; or the only one with that value on another axis.

    Args:
        rows: Axes of each row by its name, in the order of the table.
        within: Dotted name of the axis whose values make the groups.
        cell: Name of the baselines within their groups.
        place: File and line, for messages.

    Raises:
        ConfigError: No such axis, or a group in which not exactly one row is meant.
    """
    axes = dict.fromkeys(axis for row in rows.values() for axis in row)
    if within not in axes:
        raise ConfigError(
            f"{place}: within must be an axis of the cells, but got {within!r}.{nearest(within, list(axes))}"
        )
    if all(row.get(within) is None for row in rows.values()):
        raise ConfigError(f"{place}: within must be an axis with an effect, but {within!r} has none in any cell.")
    groups: dict[str, list[str]] = {}
    for name, row in rows.items():
        groups.setdefault(axis_text(row.get(within)), []).append(name)
    return GroupBaselines(
        within, {value: _choose(rows, names, within, value, cell, place) for value, names in groups.items()}
    )


def _choose(rows: Mapping[str, Axes], names: Sequence[str], within: str, value: str, cell: str, place: str) -> str:
    short = {name: _without(name, within, value) for name in names}
    found = (
        [name for name in names if name == cell]
        or [name for name in names if short[name] == cell]
        or [name for name in names if _has_value(rows[name], within, cell)]
    )
    if len(found) == 1:
        return found[0]
    group = f"the group {within}={value}"
    if found:
        raise ConfigError(f"{place}: baseline must mean one cell of {group}, but {cell!r} means {', '.join(found)}.")
    raise ConfigError(
        f"{place}: baseline must mean a cell of {group}, but got {cell!r}.{nearest(cell, list(short.values()))}"
    )


def _without(name: str, within: str, value: str) -> str:
    own = (value, f"{within.rpartition('.')[2]}={value}")
    return " ".join(word for word in re.split(r"[ ,:;/()]+", name) if word and word not in own)


def _has_value(axes: Mapping[str, AxisValue], within: str, cell: str) -> bool:
    return any(same_value(cell, value) for axis, value in axes.items() if axis != within)
