r"""The table in LaTeX; a document needs ``\usepackage{booktabs}`` and nothing else."""

import re

from ftlab.reporting.ablation import AblationTable
from ftlab.reporting.layout import NOTHING, PrintedRow, PrintedTable, print_table

ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        **{character: f"\\{character}" for character in "&%$#_{}"},
    }
)
DAGGER = r"$^\dagger$"
ASTERISK = r"$^\ast$"


def table_tex(table: AblationTable) -> str:
    """Return the table as a LaTeX float with ``booktabs`` rules, a caption and the label ``tab:<name>``."""
    printed = print_table(table)
    differs = bool(printed.published) and not table.same_protocol
    lines = [
        r"% Needs \usepackage{booktabs}.",
        r"\begin{table}",
        r"  \centering",
        f"  \\caption{{{_caption(printed)}}}",
        f"  \\label{{tab:{re.sub('[^A-Za-z0-9:.-]', '-', table.name)}}}",
        f"  \\begin{{tabular}}{{{_alignment(printed)}}}",
        r"    \toprule",
        f"    {_headings(printed, differs)}",
        r"    \midrule",
        *(f"    {_line(row, printed)}" for row in printed.rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        *_notes(printed, differs),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _caption(printed: PrintedTable) -> str:
    title = printed.title if printed.title.rstrip().endswith((".", "?", "!")) else f"{printed.title}."
    ranked = any(row.rank for row in printed.rows)
    marks = "; best in bold, second best underlined" if ranked else ""
    return _escape(f"{title} {printed.metric[0].upper()}{printed.metric[1:]}. {printed.summary}{marks}.")


def _alignment(printed: PrintedTable) -> str:
    labels = "".join("r" if numeric else "l" for numeric in printed.label_numeric)
    return labels + ("rrrr" if printed.published else "rrr") + ("l" if printed.seeded else "")


def _headings(printed: PrintedTable, differs: bool) -> str:
    texts = [_escape(text) for text in (*printed.label_headings, "n", printed.metric, "95% interval")]
    if printed.published:
        texts.append(f"paper{ASTERISK if differs else ''}")
    if printed.seeded:
        texts.append("seeds ended")
    return " & ".join(texts) + r" \\"


def _line(row: PrintedRow, printed: PrintedTable) -> str:
    command = {1: r"\textbf", 2: r"\underline"}[row.rank] if row.rank else ""
    mean = f"{command}{{{row.mean}}}" if command else _escape(row.mean)
    texts = [*(_escape(label) for label in row.labels), row.n, mean, _escape(row.interval)]
    if row.collapsed:
        texts[-2] += rf"\rlap{{{DAGGER}}}"
    if printed.published:
        texts.append(_escape(row.published))
    if printed.seeded:
        texts.append(_escape(row.stopped))
    # A bracket or a star that opens a row would be read as an argument of the line break before it.
    return ("{}" if texts[0].startswith(("[", "*")) else "") + " & ".join(texts) + r" \\"


def _notes(printed: PrintedTable, differs: bool) -> list[str]:
    collapse = f"{DAGGER} {_escape(printed.collapse)}" if printed.collapse else ""
    published = f"{ASTERISK if differs else ''} {_escape(printed.published)}".strip()
    notes = [note for note in (collapse, *map(_escape, printed.notes), published) if note]
    return ["", r"  \smallskip", *(rf"  {{\footnotesize {note}\par}}" for note in notes)] if notes else []


def _escape(text: str) -> str:
    return "--" if text == NOTHING else " ".join(text.split()).translate(ESCAPES)
