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
    lines = [table_line([escaped(heading) for heading in headings]), table_line(alignment)]
    lines += [table_line(_cells(row, printed)) for row in printed.rows]
    return "\n\n".join([f"# {escaped(printed.title)}", "\n".join(lines), *_notes(printed)]) + "\n"


def _cells(row: PrintedRow, printed: PrintedTable) -> list[str]:
    emphasis = {1: "**", 2: "*"}[row.rank] if row.rank else ""
    mean = f"{emphasis}{row.mean}{emphasis}{' †' if row.collapsed else ''}"
    texts = [*(escaped(label) for label in row.labels), row.n, mean, row.interval]
    texts += [escaped(row.published)] if printed.published else []
    return [*texts, escaped(row.stopped)] if printed.seeded else texts


def _notes(printed: PrintedTable) -> list[str]:
    ranked = any(row.rank for row in printed.rows)
    summary = f"{printed.summary}{'; best in bold, second best in italics' if ranked else ''}."
    collapse = f"† {printed.collapse}" if printed.collapse else ""
    return [escaped(note) for note in (summary, collapse, *printed.notes, printed.published) if note]


def table_line(cells: Sequence[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Return a text in one line that Markdown shows as it is."""
    return " ".join(text.split()).translate(ESCAPES)
