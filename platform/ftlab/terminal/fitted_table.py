"""A table that fits a terminal: columns are left out, or each row is stacked, before a name would be cut."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

Content = str | Text | ProgressBar

# The gap between two columns is a padding and the divider of the box.
MIN_BAR, GAP = 8, 2


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: Its heading, broken between words at most.
        is_numeric: Whether it is aligned to the right.
        rank: The columns of the highest rank are left out first; those of rank 0 never.
        is_prose: Whether its texts are sentences, which may go over several lines.
    """

    heading: str
    is_numeric: bool = False
    rank: int = 0
    is_prose: bool = False


class FittedTable:
    """A table whose first column names its rows.

    Args:
        columns: The columns.
        rows: Their contents; an empty text where there is nothing.
        width: Characters of a line.

    Attributes:
        left_out: Headings of the columns that do not fit.
        width: Characters that the others fill.
    """

    def __init__(self, columns: Sequence[Column], rows: Sequence[Sequence[Content]], width: int) -> None:
        self._columns, self._rows = columns, rows
        sizes = [_widths(column, [row[place] for row in rows]) for place, column in enumerate(columns)]
        self._needed, self._wanted = [needed for needed, _ in sizes], [wanted for _, wanted in sizes]
        shown = list(range(len(columns)))
        while self._total(shown) > width and (dropped := self._least_wanted(shown)) is not None:
            shown.remove(dropped)
        self._is_stacked = self._total(shown) > width
        self._shown = shown
        filled = sum(self._wanted[place] for place in shown) + GAP * (len(shown) - 1)
        self.width = min(filled, width)
        self.left_out = tuple(columns[place].heading for place in range(len(columns)) if place not in shown)

    def render(self) -> RenderableType:
        """Return the table for a console."""
        if not self._is_stacked:
            return self._table(self._shown, self._rows)
        blocks: list[RenderableType] = []
        for row in self._rows:
            name = row[self._shown[0]]
            blocks.append(Text(name, overflow="fold") if isinstance(name, str) else name)
            blocks.append(Padding(self._table(self._shown[1:], [row]), (0, 0, 0, GAP)))
        return Group(*blocks)

    def _table(self, places: Sequence[int], rows: Sequence[Sequence[Content]]) -> Table:
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, GAP - 1, 0, 0), show_edge=False, header_style="bold")
        spare = max(0, self.width - self._total(places))
        for place in places:
            column, needed = self._columns[place], self._needed[place]
            more = min(spare, self._wanted[place] - needed)
            spare -= more
            justify: Literal["left", "right"] = "right" if column.is_numeric else "left"
            table.add_column(Text(column.heading), justify=justify, width=needed + more, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) if isinstance(cell := row[place], str) else cell for place in places))
        return table

    def _total(self, shown: Sequence[int]) -> int:
        return sum(self._needed[place] for place in shown) + GAP * (len(shown) - 1)

    def _least_wanted(self, shown: Sequence[int]) -> int | None:
        wanted = [place for place in shown if self._columns[place].rank]
        return max(wanted, key=lambda place: (self._columns[place].rank, place), default=None)


def _widths(column: Column, contents: Sequence[Content]) -> tuple[int, int]:
    """Return the characters that a column needs, for whole words or numbers, and those that it fills at most."""
    lines, words = [column.heading], column.heading.split()
    for content in contents:
        lines.append(" " * (content.width or MIN_BAR) if isinstance(content, ProgressBar) else str(content))
        words += lines[-1].split() if column.is_prose else [lines[-1]]
    return max(map(cell_len, words), default=0), max(map(cell_len, lines))
