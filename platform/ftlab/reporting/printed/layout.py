"""The printed form of a table in plain text, shared by Markdown, LaTeX and HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

from ftlab.reporting.printed.metric_labels import metric_label
from ftlab.reporting.printed.notes import (
    COLLAPSE_MARK,
    DEGENERATE_MARK,
    DIFFERS_MARK,
    PROTOCOL_MARK,
    summary_note,
    table_notes,
)
from ftlab.reporting.printed.two_way import TwoWay, find_two_way
from ftlab.reporting.table.ablation import AblationRow, AblationTable
from ftlab.reporting.table.axes import axis_label, axis_number, axis_text
from ftlab.reporting.table.floor_values import FloorValues

NOTHING = "-"
BASELINE = "baseline"
INTERVAL_HEADING = "95% interval"
DIFFERENCE_GROUP = "difference to the baseline"
BLOCKS = (("mean", "interval"), ("difference", "difference_interval", "p", "outcome"), ("published",))
# Columns of words; all others hold numbers or intervals.
WORDS = ("outcome", "stopped")


@dataclass(frozen=True)
class PrintedColumn:
    """A column of values, beside the label columns that tell the rows apart.

    Attributes:
        name: Its content: ``n``, ``mean``, ``interval``, ``difference``, ``difference_interval``, ``p``,
            ``outcome``, ``published``, ``stopped``, or the name of another metric.
        heading: Its heading if all headings stand in one line.
        group: Heading that it shares with its neighbours; empty for a column of its own.
        short: Its heading below that of the group.
    """

    name: str
    heading: str
    group: str = ""
    short: str = ""


@dataclass(frozen=True)
class PrintedRow:
    """A row in plain text.

    Attributes:
        cell: Name of the cell.
        labels: Texts that tell the row from the others, one per label column.
        texts: Its texts by name of the column; a dash where there is nothing.
        marks: Footnote marks of the mean: collapse, degenerate trials, and trials that differ from the baseline's
            beside the axes.
        is_best: Whether no complete row beats it.
    """

    cell: str
    labels: tuple[str, ...]
    texts: Mapping[str, str]
    marks: str
    is_best: bool


@dataclass(frozen=True)
class PrintedTable:
    """A table in plain text, before a markup language escapes it.

    Attributes:
        title: Question that the table answers.
        metric: The metric in words with its unit.
        label_headings: Headings of the columns that tell the rows apart.
        label_numeric: Whether such a column holds numbers alone.
        columns: The other columns.
        rows: Rows in the order of the table.
        floors: Rows below them that no training reached; in a table of two dimensions a note tells them.
        two_way: Arrangement of the rows in two dimensions; None if they are printed one below the other.
        summary: The seeds that mean and interval are taken over, and what bold means, in words.
        notes: Notes below the table, a paragraph each, those of marks first.
    """

    title: str
    metric: str
    label_headings: tuple[str, ...]
    label_numeric: tuple[bool, ...]
    columns: tuple[PrintedColumn, ...]
    rows: tuple[PrintedRow, ...]
    floors: tuple[PrintedRow, ...]
    two_way: TwoWay | None
    summary: str
    notes: tuple[str, ...]

    def grid(self) -> list[tuple[str, list[PrintedRow | None]]]:
        """Return the lines of a table of two dimensions: for each its label, and its rows, None where there is none."""
        if self.two_way is None:
            return []
        lines = zip(self.two_way.down, self.two_way.places, strict=True)
        return [(label, [None if place is None else self.rows[place] for place in places]) for label, places in lines]

    def blocks(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the grids of a table of two dimensions: for each its heading, and the columns that it shows."""
        columns = {
            column.name: column
            for column in self.columns
            if any(row.texts[column.name] != NOTHING for row in self.rows)
        }
        shown = (tuple(name for name in names if name in columns) for names in BLOCKS)
        return [(columns[names[0]].group or columns[names[0]].heading, names) for names in shown if names]


def told_by_axes(table: AblationTable) -> bool:
    """Return whether the rows are points of a grid: their axes tell them apart, and some are named by their axes."""
    points = {tuple(axis_text(row.axes.get(axis)) for axis in table.axes) for row in table.rows}
    generated = tuple(f"{axis.rpartition('.')[2]}=" for axis in table.axes)
    return len(points) == len(table.rows) and any(row.cell.startswith(generated) for row in table.rows)


def row_name(table: AblationTable, row: AblationRow) -> str:
    """Return the name of a row in texts: its axes if it is a point of a grid, else the name of its cell."""
    if not told_by_axes(table):
        return row.cell
    values = {axis_label(axis): axis_text(row.axes.get(axis)) for axis in table.axes}
    return " ".join(f"{label} {text}" for label, text in values.items() if text)


def lay_out(table: AblationTable) -> PrintedTable:
    """Lay a table out in plain text, with numbers rounded for people.

    The column of cell names is left out if the rows are points of a grid: the axes say the same.
    """
    headings = tuple(axis_label(axis) for axis in table.axes)
    labels = [tuple(axis_text(row.axes.get(axis)) or NOTHING for axis in table.axes) for row in table.rows]
    if not told_by_axes(table):
        headings = ("cell", *headings)
        labels = [(row.cell, *texts) for row, texts in zip(table.rows, labels, strict=True)]
    names = {row.cell: row_name(table, row) for row in table.rows}
    columns = _columns(table)
    two_way = find_two_way(table) if told_by_axes(table) else None
    return PrintedTable(
        title=table.title,
        metric=metric_label(table.metric),
        label_headings=headings,
        label_numeric=tuple(all(_is_number(texts[place]) for texts in labels) for place in range(len(headings))),
        columns=columns,
        rows=tuple(_print_row(table, row, texts) for row, texts in zip(table.rows, labels, strict=True)),
        floors=() if two_way else tuple(_print_floor(table, floor, columns, len(headings)) for floor in table.floors),
        two_way=two_way,
        summary=summary_note(table),
        notes=table_notes(table, names, two_way),
    )


def _is_number(text: str) -> bool:
    return text == NOTHING or axis_number(text) is not None


def _columns(table: AblationTable) -> tuple[PrintedColumn, ...]:
    metric = metric_label(table.metric)
    compared = [row.comparison for row in table.rows if row.comparison and (row.comparison.difference.n or row.outcome)]
    columns = [
        PrintedColumn("n", "n"),
        PrintedColumn("mean", metric, metric, "mean"),
        PrintedColumn("interval", INTERVAL_HEADING, metric, INTERVAL_HEADING),
    ]
    if compared:
        columns.append(PrintedColumn("difference", "difference", DIFFERENCE_GROUP, "mean"))
        columns.append(PrintedColumn("difference_interval", INTERVAL_HEADING, DIFFERENCE_GROUP, INTERVAL_HEADING))
    if any(not isnan(comparison.p) for comparison in compared):
        columns.append(PrintedColumn("p", "p", DIFFERENCE_GROUP, "p"))
    if any(row.outcome for row in table.rows) and table.seeding is None:
        columns.append(PrintedColumn("outcome", "outcome", DIFFERENCE_GROUP, "outcome"))
    columns += [PrintedColumn(name, metric_label(name)) for name in table.other_metrics]
    if table.published is not None:
        columns.append(PrintedColumn("published", "paper" if table.same_protocol else f"paper{PROTOCOL_MARK}"))
    if table.seeding is not None:
        columns.append(PrintedColumn("stopped", "seeds ended"))
    return tuple(columns)


def _print_row(table: AblationTable, row: AblationRow, labels: tuple[str, ...]) -> PrintedRow:
    summary = row.summary
    texts = {
        "n": str(summary.n),
        "mean": number_text(summary.mean),
        "interval": interval_text(summary.ci_low, summary.ci_high),
        "published": row.published.shown if row.published else NOTHING,
        "stopped": table.seeding.stopped[row.cell] if table.seeding else "",
        **{name: number_text(found.mean) for name, found in row.others.items()},
        **_difference(row),
    }
    marks = (
        (COLLAPSE_MARK, row.n_collapsed),
        (DEGENERATE_MARK, row.n_degenerate),
        (DIFFERS_MARK, row.caveats),
    )
    return PrintedRow(row.cell, labels, texts, "".join(mark for mark, found in marks if found), row.is_best)


def _print_floor(
    table: AblationTable, floor: FloorValues, columns: Sequence[PrintedColumn], num_labels: int
) -> PrintedRow:
    summary = floor.summary(table.metric)
    texts = {
        **{column.name: NOTHING for column in columns},
        "n": str(summary.n) if summary.n > 1 else NOTHING,
        "mean": number_text(summary.mean),
        "interval": interval_text(summary.ci_low, summary.ci_high),
        **{name: number_text(floor.summary(name).mean) for name in table.other_metrics},
    }
    return PrintedRow(floor.name, (floor.name, *[""] * (num_labels - 1)), texts, "", is_best=False)


def _difference(row: AblationRow) -> dict[str, str]:
    if row.comparison is None:
        own = BASELINE if row.cell == row.baseline else NOTHING
        return {"difference": own, "difference_interval": NOTHING, "p": NOTHING, "outcome": NOTHING}
    difference = row.comparison.difference
    return {
        "difference": number_text(difference.mean, "+"),
        "difference_interval": interval_text(difference.ci_low, difference.ci_high, "+"),
        "p": p_text(row.comparison.p),
        "outcome": row.outcome or NOTHING,
    }


def number_text(value: float, sign: str = "") -> str:
    """Return a value with one decimal; a dash if it is not defined.

    >>> number_text(3.04, "+"), number_text(-0.01, "+"), number_text(float("nan"))
    ('+3.0', '0.0', '-')
    """
    if isnan(value):
        return NOTHING
    # Adding zero turns -0.0 into 0.0.
    rounded = round(value, 1) + 0.0
    return f"{rounded:{sign if rounded else ''}.1f}"


def interval_text(low: float, high: float, sign: str = "") -> str:
    """Return an interval with one decimal; a dash if it is not defined."""
    return NOTHING if isnan(low) else f"[{number_text(low, sign)}, {number_text(high, sign)}]"


def p_text(p: float) -> str:
    """Return a p-value, rounded for people; a dash if it is not defined.

    >>> p_text(0.0321), p_text(0.00002)
    ('0.032', '<0.001')
    """
    if isnan(p):
        return NOTHING
    return "<0.001" if p < 0.001 else f"{p:.3f}"
