"""A table and the files that it was written to, for a terminal."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from ftlab.terminal.console import PlainConsole, console, say
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


def print_table(made: "AblationTable", folder: Path, paths: Sequence[Path]) -> None:
    """Print a table, and the names of the files that it was written to."""
    from ftlab.reporting.printed.layout import lay_out

    printed = lay_out(made)
    console.print(Text(printed.title, style="bold"), soft_wrap=not console.is_terminal)
    left_out = _print_list(printed) if printed.two_way is None else _print_grids(printed, printed.two_way)
    if left_out:
        say(f"Too narrow for: {', '.join(left_out)}. table.md has all columns.")
    for note in (f"{printed.summary}.", *printed.notes):
        say("")
        say(note)
    names = dict.fromkeys(path.name if path.parent == folder else f"{path.parent.name}/" for path in paths)
    say("")
    say(f"{folder}: {', '.join(names)}")


def _print_list(printed: "PrintedTable") -> tuple[str, ...]:
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
    rows: list[list[Content]] = [
        [*row.labels, *(_content(row, _JOINED.get(column.name, (column.name,))) for column in shown)]
        for row in (*printed.rows, *printed.floors)
    ]
    return print_fitted(labels + columns, rows)


def _print_grids(printed: "PrintedTable", two_way: "TwoWay") -> tuple[str, ...]:
    corner = Column(f"{two_way.down_heading} / {two_way.across_heading}", is_numeric=not two_way.is_down_words)
    columns = [corner, *(Column(heading, is_numeric=True) for heading in two_way.across)]
    for heading, names in printed.blocks():
        say("")
        say(heading)
        lines: list[list[Content]] = [
            [label, *("" if row is None else _content(row, names) for row in rows)] for label, rows in printed.grid()
        ]
        print_fitted(columns, lines)
    return ()


def print_fitted(columns: Sequence[Column], rows: Sequence[Sequence[Content]]) -> tuple[str, ...]:
    """Print a table that fits the terminal, a file has it whole; return the headings of the columns left out."""
    table = FittedTable(columns, rows, console.width if console.is_terminal else _FILE_WIDTH)
    console.print()
    if console.is_terminal:
        console.print(table.render())
    else:
        # A console lays nothing out wider than itself, and takes a file for 80 characters wide.
        text = StringIO()
        PlainConsole(file=text, width=table.width).print(table.render())
        console.print(text.getvalue(), end="", markup=False, highlight=False, soft_wrap=True)
    return table.left_out


def _content(row: "PrintedRow", names: Sequence[str]) -> Text:
    """Return the text of a cell: a number, and its interval and p-value if it has them."""
    from ftlab.reporting.printed.layout import NOTHING

    first, *others = names
    texts = [row.texts[first], *(row.texts[name] for name in others if row.texts[name] != NOTHING)]
    if "p" in others and row.texts["p"] != NOTHING:
        texts[texts.index(row.texts["p"])] = f"(p {row.texts['p']})"
    if first == "mean" and row.marks:
        texts[0] += f" {row.marks}"
    return Text(" ".join(texts), style="bold" if first == "mean" and row.is_best else "")
