"""Published tables in long form, and the value that belongs beside a cell of ours."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ftlab.errors import ConfigError, nearest
from ftlab.reporting.table.axes import Axes, same_value

CELL_AXIS = "cell"
DESCRIPTION = ("series", "metric", "protocol", "source")


@dataclass(frozen=True)
class PublishedValue:
    """One published number.

    Attributes:
        value: The number; None if the publication gives words instead.
        text: The number as printed, with its own precision; empty without a number.
        note: The words, e.g. ``collapse``, or a remark on the number; usually empty.
    """

    value: float | None
    text: str
    note: str = ""

    @property
    def shown(self) -> str:
        """Text that a table prints: the number as published, else the words."""
        return self.text or self.note


@dataclass(frozen=True)
class PublishedRow:
    """A published number and the axis values that it belongs to, as text by dotted name."""

    axes: Mapping[str, str]
    value: PublishedValue


@dataclass(frozen=True)
class PublishedSeries:
    """One series of a published table.

    Attributes:
        axes: Dotted names of its axes; the axis ``cell`` stands for the name of a row.
        rows: Its numbers in the order of the file.
        series: The training that they report, e.g. ``MoCo v1, ResNet-50, 200 epochs``.
        metric: Meaning of the numbers, with their unit.
        protocol: Protocol of their measurement.
        source: Publication and table.
    """

    axes: tuple[str, ...]
    rows: tuple[PublishedRow, ...]
    series: str
    metric: str
    protocol: str
    source: str

    def lookup(self, axes: Axes, cell: str) -> PublishedValue | None:
        """Return the published value of a cell, None if there is none.

        Numbers match by size (``0.50`` is ``0.5``). An axis that is empty in the published row has no effect there and
        matches anything; axes of the cell that the publication does not vary are not compared.

        Args:
            axes: The cell's values by dotted name.
            cell: The cell's name, compared with the axis ``cell``.
        """
        ours = {**axes, CELL_AXIS: cell}
        for row in self.rows:
            if all(not published or same_value(published, ours.get(axis)) for axis, published in row.axes.items()):
                return row.value
        return None


def series_names(path: Path) -> list[str]:
    """Return the names of the series of a published table, in the order of the file.

    Raises:
        ConfigError: No such file, or the file breaks the rules of `load_published`.
    """
    return list(dict.fromkeys(line["series"] for line in _read(path)))


def load_published(path: Path, series: str | None = None) -> PublishedSeries:
    """Load one series of a published table.

    Args:
        path: CSV file: columns of axes by dotted name, ``value``, ``series``, ``metric``, ``protocol``, ``source`` and
            optionally ``note``.
        series: Name of the series; None when the file holds one.

    Raises:
        ConfigError: No such file or series (the nearest is named), or the file breaks the rules above.
    """
    lines = _read(path)
    names = series_names(path)
    if series is None and len(names) != 1:
        raise ConfigError(f"a table of several series needs a choice, but {path.name} got none.{nearest('', names)}")
    chosen = names[0] if series is None else series
    if chosen not in names:
        raise ConfigError(f"{path.name} must hold the series, but got {chosen!r}.{nearest(chosen, names)}")
    lines = [line for line in lines if line["series"] == chosen]
    described = {tuple(line[column] for column in DESCRIPTION) for line in lines}
    if len(described) > 1:
        raise ConfigError(f"a series has one metric, protocol and source, but {chosen!r} in {path.name} has several.")
    axes = tuple(column for column in lines[0] if column not in (*DESCRIPTION, "value", "note"))
    rows = tuple(PublishedRow({axis: line[axis] for axis in axes}, _value(path, line)) for line in lines)
    return PublishedSeries(axes, rows, *described.pop())


def _read(path: Path) -> Sequence[Mapping[str, str]]:
    if not path.is_file():
        known = [file.stem for file in path.parent.glob("*.csv")]
        raise ConfigError(f"a published table must be a file, but got {path}.{nearest(path.stem, known)}")
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file, strict=True))
    if not lines:
        raise ConfigError(f"a published table must have rows, but {path} has none.")
    for line in lines:
        missing = [column for column in ("value", *DESCRIPTION) if line.get(column) is None]
        if missing or None in line or None in line.values():
            raise ConfigError(f"each line of {path} must fill value, {', '.join(DESCRIPTION)}, but got {line}.")
    return lines


def _value(path: Path, line: Mapping[str, str]) -> PublishedValue:
    text, note = line["value"].strip(), line.get("note", "").strip()
    if not text and not note:
        raise ConfigError(f"a published row must have a value or a note, but {path.name} has neither in {dict(line)}.")
    try:
        return PublishedValue(float(text) if text else None, text, note)
    except ValueError:
        raise ConfigError(f"a published value must be a number or empty, but {path.name} has {text!r}.") from None
