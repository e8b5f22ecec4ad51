r"""The table in LaTeX as an author pastes it into a column of a paper; it needs booktabs and siunitx."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isclose, isnan

from ftlab.reporting.inference.collapse import BETTER, WORSE
from ftlab.reporting.printed.difference_note import correction
from ftlab.reporting.printed.layout import (
    BASELINE,
    NOTHING,
    PrintedRow,
    PrintedTable,
    interval_text,
    lay_out,
    number_text,
    row_name,
    told_by_axes,
)
from ftlab.reporting.printed.notes import mean_in_words, symbol_notes
from ftlab.reporting.printed.two_way import TwoWay
from ftlab.reporting.table.ablation import AblationRow, AblationTable
from ftlab.reporting.table.floor_values import floor_note
from ftlab.reporting.table.statistics import Summary
from ftlab.reporting.writers.latex_numbers import NumberColumn, escape_tex, is_number, number_column
from ftlab.reporting.writers.latex_tabular import label_tex, line, notes_below, rule, sentence, spanning, tabular, words

# Points of LaTeX. A column of ICCV is 237 wide, one of IEEEtran 252; a digit of Computer Modern at 8 pt is 4.25.
COLUMN_WIDTH, CHARACTER_WIDTH, GAP = 237.0, 4.25, 6.0
SYMMETRIC = 0.05  # a difference that one decimal does not show
STAR = r"$^\ast$"
# A mean and what stands behind it: aligned at the decimal point, and without a gap between the two.
PAIR, PLUS_MINUS = 2, r"\pm\,"


@dataclass(frozen=True)
class _Value:
    """A number, or words in its place, with its interval and its marks in LaTeX."""

    number: str
    spread: str = ""
    marks: str = ""
    is_best: bool = False

    @property
    def length(self) -> int:
        """Characters that it takes."""
        return len(self.number) + len(self.spread) + (2 if self.spread else 0) + self.marks.count("^")

    def cells(self, column: NumberColumn) -> str:
        """Return its two cells."""
        if not is_number(self.number):
            return spanning(PAIR, "c", escape_tex(self.number) + self.marks)
        spread = f"$\\,{self.spread.replace('±', PLUS_MINUS)}$" if self.spread else ""
        return f"{column.cell(self.number, is_best=self.is_best)} & {spread}{self.marks}"


@dataclass(frozen=True)
class _Column:
    """A column: its cells in LaTeX, the number of columns that each takes, and the characters of the longest."""

    heading: str
    specification: str
    cells: tuple[str, ...]
    span: int
    length: int


def compact_tex(table: AblationTable, *, is_wide: bool = False) -> str:
    """Return the table as a LaTeX float: axes, mean, difference, and no note that explains nothing it shows.

    A mean stands with the half-width of its interval, or, where that is not symmetric, with both ends. At 8 pt most
    tables fit a column of a paper of two; one that does not is a ``table*``, which takes both.

    Args:
        table: The table.
        is_wide: Whether it takes both columns in any case.
    """
    printed = lay_out(table)
    body, width = _list(table, printed) if printed.two_way is None else _grid(table, printed, printed.two_way)
    kind = "table*" if is_wide or width > COLUMN_WIDTH else "table"
    lines = [
        r"% Needs \usepackage{booktabs,siunitx}.",
        f"\\begin{{{kind}}}",
        r"  \centering",
        f"  \\caption{{{escape_tex(_caption(table, printed))}}}",
        label_tex(table.name),
        r"  \smallskip",
        r"  \footnotesize",
        r"  \setlength{\tabcolsep}{3pt}",
        r"  \sisetup{detect-weight, retain-explicit-plus}",
        *(f"  {text}" for text in body),
        *notes_below(_notes(table, is_grid=printed.two_way is not None)),
        f"\\end{{{kind}}}",
    ]
    return "\n".join(lines) + "\n"


def _caption(table: AblationTable, printed: PrintedTable) -> str:
    mean, metric = mean_in_words(table), f"{printed.metric[0].upper()}{printed.metric[1:]}"
    intervals = correction(table)
    texts = (
        sentence(table.caption or table.title),
        f"{metric}: {mean}." if mean else f"{metric}. No trial has a value yet.",
        f"Differences are paired by seed, {intervals}." if intervals else "",
    )
    return " ".join(text for text in texts if text)


def _notes(table: AblationTable, *, is_grid: bool) -> list[str]:
    names = {row.cell: row_name(table, row).replace("_", " ") for row in table.rows}
    # A mark stays with the first word of its note.
    notes = [escape_tex(note).replace("$ ", "$~", 1) for note in symbol_notes(table, names)]
    if any(_is_told(row) for row in table.rows):
        how = "by that rule" if table.seeding else "p < 0.05, paired t test, corrected alike"
        notes.append(f"{STAR}~{escape_tex(f'Told from the baseline: {how}.')}")
    # A grid has no rows for floors.
    floors = floor_note(table.floors, table.metric) if is_grid else ""
    return [*notes, *(escape_tex(note) for note in (table.seeding.note if table.seeding else "", floors) if note)]


def _list(table: AblationTable, printed: PrintedTable) -> tuple[list[str], float]:
    """Return the tabular with a line a row, and its width in points."""
    labels = _labels(table, printed)
    floors = [_value(floor.summary(table.metric)) for floor in table.floors]
    means = [_mean(row, found) for row, found in zip(table.rows, printed.rows, strict=True)]
    columns = [*labels, _pairs(printed.metric, [*means, *floors])]
    if _has_differences(printed):
        columns.append(_pairs("difference", [*map(_difference, table.rows), *(_Value("") for _ in floors)]))
    if table.same_protocol:
        columns.append(_texts("paper", [row.texts["published"] for row in printed.rows], [""] * len(floors)))
    rows = [line(cells) for cells in zip(*(column.cells[: len(means)] for column in columns), strict=True)]
    below = zip(*(column.cells[len(means) :] for column in columns[len(labels) :]), strict=True)
    names = [spanning(len(labels), "l", escape_tex(floor.name)) for floor in table.floors]
    floor_rows = [line([name, *cells]) for name, cells in zip(names, below, strict=True)]
    lines = [*_headings(columns), r"\midrule", *rows, *([r"\midrule", *floor_rows] if floor_rows else [])]
    return tabular([column.specification for column in columns], lines), _width(columns)


def _grid(table: AblationTable, printed: PrintedTable, two_way: TwoWay) -> tuple[list[str], float]:
    """Return the tabular with a block of means and one of differences, and its width in points."""
    rows = {found.cell: (row, found) for row, found in zip(table.rows, printed.rows, strict=True)}
    kinds: list[tuple[str, Callable[[AblationRow, PrintedRow], _Value]]] = [(printed.metric, _mean)]
    if _has_differences(printed):
        kinds.append(("difference", lambda row, _: _difference(row)))
    values = [
        [value(*rows[found.cell]) if found else None for found in across]
        for _, value in kinds
        for _, across in printed.grid()
    ]
    labels = _texts(two_way.down_heading, two_way.down * len(kinds))
    columns = [labels, *map(_pairs, two_way.across, zip(*values, strict=True))]
    num_columns = sum(column.span for column in columns)
    across = spanning(num_columns - 1, "c", escape_tex(two_way.across_heading))
    lines = [line(["", across]), rule(2, num_columns), *_headings(columns)]
    texts = list(map(line, zip(*(column.cells for column in columns), strict=True)))
    for place, (heading, _) in enumerate(kinds):
        below = texts[place * len(two_way.down) : (place + 1) * len(two_way.down)]
        lines += [r"\midrule", line([spanning(num_columns, "l", rf"\emph{{{escape_tex(heading)}}}")]), *below]
    return tabular([column.specification for column in columns], lines), _width(columns)


def _has_differences(printed: PrintedTable) -> bool:
    return any(column.name == "difference" for column in printed.columns)


def _labels(table: AblationTable, printed: PrintedTable) -> list[_Column]:
    """Return a column an axis, or one of the rows' names where axes alone do not tell the rows apart."""
    if not told_by_axes(table):
        return [_texts("", [row.cell.replace("_", " ") for row in table.rows])]
    texts = zip(*(row.labels for row in printed.rows), strict=True)
    return [_texts(heading, found) for heading, found in zip(printed.label_headings, texts, strict=True)]


def _texts(heading: str, texts: Sequence[str], below: Sequence[str] = ()) -> _Column:
    column = number_column(texts) if all(is_number(text) or text == NOTHING for text in texts) else None
    cells = (*(column.cell(text) if column else escape_tex(text) for text in texts), *below)
    longest = max(len(text) for text in (*broken(heading), *texts))
    return _Column(heading, column.specification if column else "l", cells, 1, longest)


def _pairs(heading: str, values: Sequence[_Value | None]) -> _Column:
    column = number_column([value.number for value in values if value])
    cells = tuple(value.cells(column) if value else " & " for value in values)
    longest = max(*map(len, broken(heading)), *(value.length for value in values if value))
    return _Column(heading, f"{column.specification}@{{}}l", cells, PAIR, longest)


def _headings(columns: Sequence[_Column]) -> list[str]:
    """Return the headings in one line, or in two if one of them has two words."""
    parts = zip(*(broken(column.heading) for column in columns), strict=True)
    return [line(map(_heading, columns, texts)) for texts in parts if any(texts)]


def _heading(column: _Column, text: str) -> str:
    return words(text) if column.span == 1 else spanning(column.span, "c", escape_tex(text))


def broken(heading: str) -> tuple[str, str]:
    """Return a heading in the two lines that make it narrowest; the upper one may be empty.

    >>> broken("few-shot top-1 (%)"), broken("difference")
    (('few-shot', 'top-1 (%)'), ('', 'difference'))
    """
    found = heading.split(" ")
    parts = [(" ".join(found[:place]), " ".join(found[place:])) for place in range(len(found))]
    return min(parts, key=lambda lines: max(map(len, lines)))


def _width(columns: Sequence[_Column]) -> float:
    return sum(CHARACTER_WIDTH * column.length + GAP for column in columns) - GAP


def _mean(row: AblationRow, printed: PrintedRow) -> _Value:
    return _value(row.summary, marks=escape_tex(printed.marks), is_best=row.is_best)


def _difference(row: AblationRow) -> _Value:
    if row.comparison is None:
        return _Value(BASELINE if row.cell == row.baseline else NOTHING)
    return _value(row.comparison.difference, "+", STAR if _is_told(row) else "")


def _value(summary: Summary, sign: str = "", marks: str = "", *, is_best: bool = False) -> _Value:
    """Return a mean with the half-width of its interval, or with both ends where it is not in the middle."""
    below, above = summary.mean - summary.ci_low, summary.ci_high - summary.mean
    spread = f"±{number_text((below + above) / 2)}"
    if not isclose(below, above, abs_tol=SYMMETRIC):
        spread = interval_text(summary.ci_low, summary.ci_high, sign)
    return _Value(number_text(summary.mean, sign), "" if isnan(summary.ci_low) else spread, marks, is_best)


def _is_told(row: AblationRow) -> bool:
    return row.outcome in (BETTER, WORSE)
