"""The printed form of a table, in plain text: what Markdown and LaTeX have in common."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isnan

from ftlab.reporting.ablation import AblationRow, AblationTable, Rank
from ftlab.reporting.axes import axis_label, axis_number, axis_text

METRIC_LABELS = {
    "probe/top1": "linear top-1 (%)",
    "probe/few_shot_top1": "few-shot top-1 (%)",
    "knn/top1": "kNN top-1 (%)",
}
NOTHING = "-"


@dataclass(frozen=True)
class PrintedRow:
    """A row in plain text.

    Attributes:
        labels: What tells the row from the others, one text a label column.
        n: Number of seeds in the mean.
        mean: Mean with one decimal; a dash without trials.
        interval: 95% interval of the mean; a dash below two seeds.
        published: The published value as printed; a dash where there is none.
        stopped: Why the cell got no more seeds; empty where no rule gave them.
        collapsed: Whether a trial of the row collapsed.
        rank: 1 for the best row, 2 for the second best.
    """

    labels: tuple[str, ...]
    n: str
    mean: str
    interval: str
    published: str
    stopped: str
    collapsed: bool
    rank: Rank


@dataclass(frozen=True)
class PrintedTable:
    """A table in plain text, before a markup language escapes it.

    Attributes:
        title: What the table answers.
        label_headings: Headings of the columns that tell the rows apart.
        label_numeric: Whether such a column holds numbers alone.
        metric: Heading of the mean.
        rows: Rows in the order of the table.
        summary: What mean and interval are taken over.
        collapse: Which rows collapsed; empty when none did.
        notes: Baseline, failed and missing trials, and how seeds were given to cells.
        seeded: Whether a rule gave seeds to cells, so that rows say why it stopped.
        published: Where the published column comes from and whether it may be compared; empty without one.
    """

    title: str
    label_headings: tuple[str, ...]
    label_numeric: tuple[bool, ...]
    metric: str
    rows: tuple[PrintedRow, ...]
    summary: str
    collapse: str
    notes: tuple[str, ...]
    seeded: bool
    published: str


def metric_label(metric: str) -> str:
    """Return a metric in words with its unit; a metric without words is named as it is."""
    return METRIC_LABELS.get(metric, metric)


def told_by_axes(table: AblationTable) -> bool:
    """Return whether the rows are points of a grid: their axes tell them apart, and give some of them their name."""
    points = {tuple(axis_text(row.axes.get(axis)) for axis in table.axes) for row in table.rows}
    generated = tuple(f"{axis.rpartition('.')[2]}=" for axis in table.axes)
    return len(points) == len(table.rows) and any(row.cell.startswith(generated) for row in table.rows)


def row_name(table: AblationTable, row: AblationRow) -> str:
    """Return how text speaks of a row: by its axes where it is a point of a grid, else by the name of its cell."""
    if not told_by_axes(table):
        return row.cell
    values = {axis_label(axis): axis_text(row.axes.get(axis)) for axis in table.axes}
    return " ".join(f"{label} {text}" for label, text in values.items() if text)


def print_table(table: AblationTable) -> PrintedTable:
    """Lay a table out in plain text, numbers rounded for people.

    The column of cell names is left out where the rows are points of a grid: its axes say the same.
    """
    headings = tuple(axis_label(axis) for axis in table.axes)
    labels = [tuple(axis_text(row.axes.get(axis)) or NOTHING for axis in table.axes) for row in table.rows]
    if not told_by_axes(table):
        headings = ("cell", *headings)
        labels = [(row.cell, *texts) for row, texts in zip(table.rows, labels, strict=True)]
    return PrintedTable(
        title=table.title,
        label_headings=headings,
        label_numeric=tuple(all(_is_number(texts[place]) for texts in labels) for place in range(len(headings))),
        metric=metric_label(table.metric),
        rows=tuple(_print_row(table, row, texts) for row, texts in zip(table.rows, labels, strict=True)),
        summary=_summary(table),
        collapse=_counts(table, "Collapse, counted in the mean", lambda row: row.n_collapsed),
        notes=tuple(note for note in _notes(table) if note),
        seeded=table.seeding is not None,
        published=_published(table),
    )


def _is_number(text: str) -> bool:
    return text == NOTHING or axis_number(text) is not None


def _print_row(table: AblationTable, row: AblationRow, labels: tuple[str, ...]) -> PrintedRow:
    summary = row.summary
    return PrintedRow(
        labels=labels,
        n=str(summary.n),
        mean=NOTHING if isnan(summary.mean) else f"{summary.mean:.1f}",
        interval=NOTHING if isnan(summary.ci_low) else f"[{summary.ci_low:.1f}, {summary.ci_high:.1f}]",
        published=row.published.shown if row.published else NOTHING,
        stopped=table.seeding.stopped[row.cell] if table.seeding else "",
        collapsed=row.n_collapsed > 0,
        rank=row.rank,
    )


def _summary(table: AblationTable) -> str:
    counts = sorted({row.summary.n for row in table.rows if row.summary.n})
    if not counts:
        return "No trial has a value yet"
    spread = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"Mean over {spread} seed{'' if counts == [1] else 's'} with its 95% Student-t interval"


def _notes(table: AblationTable) -> tuple[str, ...]:
    baseline = [row_name(table, row) for row in table.rows if row.cell == table.baseline]
    return (
        f"Baseline: {baseline[0]}." if baseline else "",
        _counts(table, "Failed, without a value", lambda row: row.n_failed),
        _counts(table, "Not finished yet", lambda row: row.n_missing),
        table.seeding.note if table.seeding else "",
    )


def _counts(table: AblationTable, what: str, count: Callable[[AblationRow], int]) -> str:
    parts = [
        f"{row_name(table, row)} ({count(row)} of {row.n_trials + row.n_missing})" for row in table.rows if count(row)
    ]
    return f"{what}: {', '.join(parts)}." if parts else ""


def _published(table: AblationTable) -> str:
    if table.published is None:
        return ""
    origin = f"Paper: {table.published.source} ({table.published.series}; {table.published_protocol})."
    if table.same_protocol:
        return f"{origin} Same protocol: yes."
    return f"{origin} Same protocol: no{f' (ours: {table.protocol})' if table.protocol else ''}."
