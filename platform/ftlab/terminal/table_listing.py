"""A table and the files that it was written to, for a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.segment import Segments
from rich.text import Text

from ftlab.terminal.console import console, say
from ftlab.terminal.fitted_table import Column, Content, FittedTable

if TYPE_CHECKING:
    from ftlab.reporting.printed.layout import PrintedRow, PrintedTable
    from ftlab.reporting.printed.two_way import TwoWay
    from ftlab.reporting.table.ablation import AblationTable

# On a narrow terminal the columns of the highest rank go first; those of other metrics before all of these.
_RANKS = {"mean": 0, "difference": 1, "interval": 2, "n": 3, "p": 4, "outcome": 5, "published": 6, "stopped": 6}
_OTHER_RANK, _AXIS_RANK = 7, 8
_FILE_WIDTH = 10_000  # a file has no edge
_JOINED = {"difference": ("difference", "difference_interval")}
_HEADINGS = {"difference": "difference [95% interval]"}


@dataclass(frozen=True)
class Grid:
    """A part of a listing.

    Attributes:
        heading: Heading above it; empty without one.
        columns: Its columns.
        rows: The text of each of their cells, and whether it is bold.
    """

    heading: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[tuple[str, bool], ...], ...]


@dataclass(frozen=True)
class TableListing:
    """A table as a terminal of any width shows it: texts alone, which can be kept.

    Attributes:
        title: Question that it answers.
        grids: Its parts.
        notes: Notes below it.
        files: Line with the files that it was written to.
    """

    title: str
    grids: tuple[Grid, ...]
    notes: tuple[str, ...]
    files: str


def print_table(made: "AblationTable", folder: Path, paths: Sequence[Path]) -> None:
    """Print a table, and the names of the files that it was written to."""
    print_listing(list_table(made, folder, paths))


def list_table(made: "AblationTable", folder: Path, paths: Sequence[Path]) -> TableListing:
    """Return a table, and the names of the files that it was written to, as a terminal shows them."""
    from ftlab.reporting.printed.layout import lay_out

    printed = lay_out(made)
    grids = [_rows_grid(printed)] if printed.two_way is None else _two_way_grids(printed, printed.two_way)
    names = dict.fromkeys(path.name if path.parent == folder else f"{path.parent.name}/" for path in paths)
    notes = (f"{printed.summary}.", *printed.notes)
    return TableListing(printed.title, tuple(grids), notes, f"{folder}: {', '.join(names)}")


def print_listing(listing: TableListing) -> None:
    """Print a listing as the terminal's width allows."""
    console.print(Text(listing.title, style="bold"), soft_wrap=not console.is_terminal)
    left_out: list[str] = []
    for grid in listing.grids:
        if grid.heading:
            say("")
            say(grid.heading)
        rows = [[Text(text, style="bold" if is_bold else "") for text, is_bold in row] for row in grid.rows]
        left_out += print_fitted(grid.columns, rows)
    if left_out:
        say(f"Too narrow for: {', '.join(left_out)}. table.md has all columns.")
    for note in listing.notes:
        say("")
        say(note)
    say("")
    say(listing.files)


def _rows_grid(printed: "PrintedTable") -> Grid:
    # A cell's name tells the rows apart, its place on the axes only where there is no name.
    labels = [
        Column(heading, is_numeric, rank=_AXIS_RANK if place and printed.label_headings[0] == "cell" else 0)
        for place, (heading, is_numeric) in enumerate(zip(printed.label_headings, printed.label_numeric, strict=True))
    ]
    shown = [column for column in printed.columns if column.name != "difference_interval"]
    columns = [
        Column(
            _HEADINGS.get(column.name, column.heading),
            is_numeric=column.name not in ("outcome", "stopped"),
            rank=_RANKS.get(column.name, _OTHER_RANK),
        )
        for column in shown
    ]
    rows = [
        (
            *((label, False) for label in row.labels),
            *(_content(row, _JOINED.get(column.name, (column.name,))) for column in shown),
        )
        for row in (*printed.rows, *printed.floors)
    ]
    return Grid("", (*labels, *columns), tuple(rows))


def _two_way_grids(printed: "PrintedTable", two_way: "TwoWay") -> list[Grid]:
    corner = Column(f"{two_way.down_heading} / {two_way.across_heading}", is_numeric=not two_way.is_down_words)
    columns = (corner, *(Column(heading, is_numeric=True) for heading in two_way.across))
    return [
        Grid(
            heading,
            columns,
            tuple(
                ((label, False), *(("", False) if row is None else _content(row, names) for row in rows))
                for label, rows in printed.grid()
            ),
        )
        for heading, names in printed.blocks()
    ]


def print_fitted(columns: Sequence[Column], rows: Sequence[Sequence[Content]]) -> tuple[str, ...]:
    """Print a table that fits the terminal, a file has it whole; return the headings of the columns left out."""
    table = FittedTable(columns, rows, console.width if console.is_terminal else _FILE_WIDTH)
    # rendered apart, as the console has the width of a terminal even where there is none
    lines = Segments(console.render(table.render(), console.options.update_width(table.width)))
    console.print("", lines, sep="\n", crop=False)
    return table.left_out


def _content(row: "PrintedRow", names: Sequence[str]) -> tuple[str, bool]:
    """Return the text of a cell: a number, and its interval and p-value if it has them; and whether it is bold."""
    from ftlab.reporting.printed.layout import NOTHING

    first, *others = names
    texts = [row.texts[first], *(row.texts[name] for name in others if row.texts[name] != NOTHING)]
    if "p" in others and row.texts["p"] != NOTHING:
        texts[texts.index(row.texts["p"])] = f"(p {row.texts['p']})"
    if first == "mean" and row.marks:
        texts[0] += f" {row.marks}"
    return " ".join(texts), first == "mean" and row.is_best
