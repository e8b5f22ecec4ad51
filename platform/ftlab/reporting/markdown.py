"""The table in GitHub Markdown."""

from collections.abc import Sequence

from ftlab.reporting.ablation import AblationTable
from ftlab.reporting.layout import NOTHING, PrintedRow, PrintedTable, print_table
from ftlab.reporting.two_way import TwoWay

ESCAPES = str.maketrans({"\\": "\\\\", "|": "\\|", "*": "\\*", "`": "\\`", "<": "&lt;"})
LEFT, RIGHT = ":---", "---:"


def table_md(table: AblationTable) -> str:
    """Return the table in GitHub Markdown: title, table, then the notes, a paragraph each."""
    printed = print_table(table)
    body = _list(printed) if printed.two_way is None else _grids(printed, printed.two_way)
    marks = "; best in bold, second best in italics" if printed.ranked else ""
    notes = [escaped(note) for note in (f"{printed.summary}{marks}.", *printed.notes)]
    return "\n\n".join([f"# {escaped(printed.title)}", *body, *notes]) + "\n"


def _list(printed: PrintedTable) -> list[str]:
    headings = [*printed.label_headings, *(column.heading for column in printed.columns)]
    alignment = [RIGHT if numeric else LEFT for numeric in printed.label_numeric]
    alignment += [LEFT if column.name == "stopped" else RIGHT for column in printed.columns]
    lines = [table_line([escaped(heading) for heading in headings]), table_line(alignment)]
    names = [column.name for column in printed.columns]
    lines += [table_line([*map(escaped, row.labels), *(_text(row, name) for name in names)]) for row in printed.rows]
    return ["\n".join(lines)]


def _grids(printed: PrintedTable, two_way: TwoWay) -> list[str]:
    corner = escaped(f"{two_way.down_heading} / {two_way.across_heading}")
    parts = []
    for heading, names in printed.blocks():
        lines = [table_line([corner, *map(escaped, two_way.across)]), table_line([RIGHT] * (len(two_way.across) + 1))]
        for label, places in zip(two_way.down, two_way.places, strict=True):
            cells = ([_text(printed.rows[place], name) for name in names] for place in places)
            lines.append(table_line([escaped(label), *(_joined(texts) for texts in cells)]))
        parts += [f"**{escaped(heading)}**", "\n".join(lines)]
    return parts


def _joined(texts: Sequence[str]) -> str:
    value, *rest = texts
    interval, p = (*rest, NOTHING, NOTHING)[:2]
    parts = [value, *([interval] if interval != NOTHING else []), *([f"(p {p})"] if p != NOTHING else [])]
    return " ".join(parts)


def _text(row: PrintedRow, name: str) -> str:
    text = escaped(row.texts[name])
    if name != "mean":
        return text
    emphasis = {1: "**", 2: "*"}[row.rank] if row.rank else ""
    return f"{emphasis}{text}{emphasis}{f' {row.marks}' if row.marks else ''}"


def table_line(cells: Sequence[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Return a text in one line that Markdown shows as it is."""
    return " ".join(text.split()).translate(ESCAPES)
