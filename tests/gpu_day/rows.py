"""The rows of a GPU day's table: a figure, its goal, and whether it was met."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Goal:
    """The goal of a figure.

    Attributes:
        bound: The figure that is still good.
        at_least: Whether more is better.
    """

    bound: float
    at_least: bool = True

    def is_met(self, value: float) -> bool:
        """Return whether a figure reaches the goal."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes:
        what: Name of the measurement, in words.
        value: The figure; None where there is none.
        unit: Its unit, or words in its place.
        goal: Its goal; None if it has none.
    """

    what: str
    value: float | None
    unit: str = ""
    goal: Goal | None = None

    @property
    def cells(self) -> tuple[str, str, str]:
        """The columns: what, value, goal."""
        value = self.unit if self.value is None else f"{_spell(self.value)} {self.unit}".strip()
        if self.goal is None:
            return self.what, value, ""
        if self.value is None:
            return self.what, value, str(self.goal)
        return self.what, value, f"{self.goal}: {'met' if self.goal.is_met(self.value) else 'missed'}"


def read_row(fields: Mapping[str, Any]) -> Row:
    """Return the row that `dataclasses.asdict` made plain values of."""
    goal = fields["goal"] and Goal(**fields["goal"])
    return Row(fields["what"], fields["value"], fields["unit"], goal)


def _spell(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


class Table:
    """The table of a day, on the disk as far as it has come.

    Args:
        folder: Folder of ``gpu-day.md`` and ``gpu-day.json``.
        about: Card, versions, commit, by name.
    """

    def __init__(self, folder: Path, about: dict[str, str]) -> None:
        self._folder = folder
        self._about = about
        self._rows: list[Row] = []
        self._notes: list[str] = []
        self._write()

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        self._rows += rows
        self._write()

    def note(self, lines: Sequence[str]) -> None:
        """Add lines that stand below the table."""
        self._notes += lines
        self._write()

    def __str__(self) -> str:
        cells = [("figure", "value", "goal"), *(row.cells for row in self._rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(3)]
        lines = [
            "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |"
            for row in cells
        ]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        about = [", ".join(f"{name} {text}" for name, text in self._about.items())]
        return "\n".join([*about, "", *lines, *([""] if self._notes else []), *self._notes])

    def _write(self) -> None:
        content = {"about": self._about, "rows": [asdict(row) for row in self._rows], "notes": self._notes}
        for name, text in (("gpu-day.json", json.dumps(content, indent=1)), ("gpu-day.md", str(self))):
            path = self._folder / name
            fresh = path.with_suffix(".new")
            fresh.write_text(text + "\n", encoding="utf-8")
            fresh.replace(path)
