"""The table in GitHub Markdown."""

from collections.abc import Sequence

from ftlab.reporting.printed.layout import NOTHING, WORDS, PrintedRow, PrintedTable, lay_out
from ftlab.reporting.printed.two_way import TwoWay
from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.writers.plain_text import one_line

ESCAPES = str.maketrans({"\\": "\\\\", "|": "\\|", "*": "\\*", "`": "\\`", "<": "&lt;"})
JOINED = {"difference": ("difference", "difference_interval")}
HEADINGS = {"difference": "difference [95% interval]"}
LEFT, RIGHT = ":---", "---:"


def table_md(table: AblationTable) -> str:
    """Return the table in GitHub Markdown: title, table, then the notes, a paragraph each."""
    printed = lay_out(table)
    body = _list(printed) if printed.two_way is None else _grids(printed, printed.two_way)
    notes = [escaped(note) for note in (f"{printed.summary}.", *printed.notes)]
    return "\n\n".join([f"# {escaped(printed.title)}", *body, *notes]) + "\n"


def _list(printed: PrintedTable) -> list[str]:
    # A difference and its interval share a column, because the table would else be wider than a terminal.
    columns = [column for column in printed.columns if column.name != "difference_interval"]
    headings = [*printed.label_headings, *(HEADINGS.get(column.name, column.heading) for column in columns)]
    alignment = [RIGHT if numeric else LEFT for numeric in printed.label_numeric]
    alignment += [LEFT if column.name in WORDS else RIGHT for column in columns]
    lines = [table_line([escaped(heading) for heading in headings]), table_line(alignment)]
    for row in (*printed.rows, *printed.floors):
        cells = (_cell(row, JOINED.get(column.name, (column.name,))) for column in columns)
        lines.append(table_line([*map(escaped, row.labels), *cells]))
    return ["\n".join(lines)]


def _grids(printed: PrintedTable, two_way: TwoWay) -> list[str]:
    corner = escaped(f"{two_way.down_heading} / {two_way.across_heading}")
    parts = []
    for heading, names in printed.blocks():
        alignment = [LEFT if two_way.is_down_words else RIGHT, *[RIGHT] * len(two_way.across)]
        lines = [table_line([corner, *map(escaped, two_way.across)]), table_line(alignment)]
        for label, rows in printed.grid():
            lines.append(table_line([escaped(label), *(_cell(row, names) if row else "" for row in rows)]))
        parts += [f"**{escaped(heading)}**", "\n".join(lines)]
    return parts


def _cell(row: PrintedRow, names: Sequence[str]) -> str:
    """Return the text of a cell: a number, and its interval and p-value if it has them."""
    first, *others = names
    shown = [name for name in others if row.texts[name] != NOTHING]
    parts = [_text(row, first), *(f"(p {_text(row, name)})" if name == "p" else _text(row, name) for name in shown)]
    return " ".join(parts)


def _text(row: PrintedRow, name: str) -> str:
    text = escaped(row.texts[name])
    if name != "mean":
        return text
    emphasis = "**" if row.is_best else ""
    return f"{emphasis}{text}{emphasis}{f' {row.marks}' if row.marks else ''}"


def table_line(cells: Sequence[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Return a text in one line, escaped so that Markdown shows it, without links and pictures."""
    return one_line(text).translate(ESCAPES).replace("](", "]\\(").replace("][", "]\\[")
