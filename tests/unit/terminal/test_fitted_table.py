from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.progress_bar import ProgressBar

from ftlab.terminal.fitted_table import Column, FittedTable

NAME = "extrapolate positives and interpolate negatives"
COLUMNS = [
    Column("cell"),
    Column("mean", is_numeric=True),
    Column("95% interval", is_numeric=True, rank=1),
    Column("long heading", is_numeric=True, rank=2),
]
ROWS = [[NAME, "73.1", "[70.1, 76.1]", "0.1"], ["plain", "70.0", "[69.0, 71.0]", "0.2"]]


def shown(width: int, rows: list[list[str]] = ROWS) -> tuple[list[str], tuple[str, ...]]:
    printed = StringIO()
    table = FittedTable(COLUMNS, rows, width)
    Console(file=printed, width=width).print(table.render())
    return printed.getvalue().splitlines(), table.left_out


@pytest.mark.parametrize(
    ("width", "left_out"),
    [(140, ()), (80, ()), (74, ("long heading",)), (60, ("95% interval", "long heading"))],
)
def test_columns_are_left_out_before_a_name_is_cut(width: int, left_out: tuple[str, ...]) -> None:
    lines, missing = shown(width)
    assert missing == left_out
    assert any(line.startswith(NAME) and "73.1" in line for line in lines)
    assert max(map(cell_len, lines)) <= width
    assert "…" not in "".join(lines)


def test_rows_are_stacked_where_a_name_fills_the_line() -> None:
    lines, _ = shown(50)
    assert NAME in [line.strip() for line in lines]
    assert any(line.strip() == "73.1" for line in lines)
    assert max(map(cell_len, lines)) <= 50


def test_headings_break_between_words() -> None:
    lines, _ = shown(76)
    assert [word for line in lines[:2] for word in line.split()].count("heading") == 1


def test_a_bar_takes_its_width() -> None:
    printed = StringIO()
    table = FittedTable(
        [Column("cell"), Column(""), Column("state")], [["a", ProgressBar(10, 5, width=12), "done"]], 40
    )
    Console(file=printed, width=40).print(table.render())
    assert printed.getvalue().splitlines()[-1].split() == ["a", printed.getvalue().splitlines()[-1].split()[1], "done"]
