"""The table in GitHub Markdown."""

from collections.abc import Sequence

from ftlab.reporting.ablation import AblationTable
from ftlab.reporting.layout import PrintedRow, PrintedTable, print_table

ESCAPES = str.maketrans({"\\": "\\\\", "|": "\\|", "*": "\\*", "`": "\\`", "<": "&lt;"})


def table_md(table: AblationTable) -> str:
    """Return the table in GitHub Markdown: title, table, then notes on collapse, failures and the published column."""
    printed = print_table(table)
    headings = [*printed.label_headings, "n", printed.metric, "95% interval"]
    alignment = ["---:" if numeric else ":---" for numeric in printed.label_numeric] + ["---:"] * 3
    if printed.published:
        headings.append("paper")
        alignment.append("---:")
    if printed.seeded:
        headings.append("seeds ended")
        alignment.append(":---")
    lines = [_line([_escape(heading) for heading in headings]), _line(alignment)]
    lines += [_line(_cells(row, printed)) for row in printed.rows]
    return "\n\n".join([f"# {_escape(printed.title)}", "\n".join(lines), *_notes(printed)]) + "\n"


def _cells(row: PrintedRow, printed: PrintedTable) -> list[str]:
    emphasis = {1: "**", 2: "*"}[row.rank] if row.rank else ""
    mean = f"{emphasis}{row.mean}{emphasis}{' †' if row.collapsed else ''}"
    texts = [*(_escape(label) for label in row.labels), row.n, mean, row.interval]
    texts += [_escape(row.published)] if printed.published else []
    return [*texts, _escape(row.stopped)] if printed.seeded else texts


def _notes(printed: PrintedTable) -> list[str]:
    ranked = any(row.rank for row in printed.rows)
    summary = f"{printed.summary}{'; best in bold, second best in italics' if ranked else ''}."
    collapse = f"† {printed.collapse}" if printed.collapse else ""
    return [_escape(note) for note in (summary, collapse, *printed.notes, printed.published) if note]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escape(text: str) -> str:
    return " ".join(text.split()).translate(ESCAPES)
