r"""The table in LaTeX with all that is known of it, for an appendix; it needs booktabs, siunitx and graphicx."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from ftlab.reporting.printed.layout import NOTHING, WORDS, PrintedRow, PrintedTable, lay_out
from ftlab.reporting.printed.two_way import TwoWay
from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.writers.latex_numbers import NumberColumn, escape_tex, interval_tex, number_column
from ftlab.reporting.writers.latex_tabular import label_tex, line, notes_below, rule, sentence, spanning, tabular, words

# A page is too narrow for more columns of labels beside all others.
MAX_LABELS = 3
# Columns that hold texts instead of numbers, and their alignment.
TEXT_COLUMNS = {"interval": "r", "difference_interval": "r", **dict.fromkeys(WORDS, "l")}


def full_tex(table: AblationTable) -> str:
    """Return the table as a LaTeX float with every column and every note.

    A table that would be wider than the text is scaled down to its width.
    """
    printed = _narrowed(lay_out(table))
    body = _list(printed) if printed.two_way is None else _grid(printed, printed.two_way)
    lines = [
        r"% Needs \usepackage{booktabs,siunitx,graphicx}.",
        r"\begin{table}",
        r"  \centering",
        f"  \\caption{{{_caption(table, printed)}}}",
        label_tex(table.name),
        r"  \smallskip",
        r"  \small",
        r"  \setlength{\tabcolsep}{4pt}",
        r"  \sisetup{detect-weight, retain-explicit-plus}",
        r"  \sbox0{%",
        *(f"    {text}" for text in body),
        r"  }",
        r"  \ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi",
        *notes_below(map(escape_tex, printed.notes)),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _narrowed(printed: PrintedTable) -> PrintedTable:
    """Return the table with the settings of named rows in a note if their columns would leave no room."""
    named = len({row.labels[0] for row in printed.rows}) == len(printed.rows)
    if len(printed.label_headings) <= MAX_LABELS or printed.two_way is not None or not named:
        return printed
    return replace(
        printed,
        label_headings=printed.label_headings[:1],
        label_numeric=printed.label_numeric[:1],
        rows=tuple(replace(row, labels=row.labels[:1]) for row in printed.rows),
        notes=(*printed.notes, f"Cells: {'; '.join(_with_settings(printed, row) for row in printed.rows)}."),
    )


def _with_settings(printed: PrintedTable, row: PrintedRow) -> str:
    name, *values = row.labels
    pairs = zip(printed.label_headings[1:], values, strict=True)
    settings = ", ".join(f"{heading} {value}" for heading, value in pairs if value != NOTHING)
    return f"{name} ({settings})" if settings else name


def _caption(table: AblationTable, printed: PrintedTable) -> str:
    metric = f"{printed.metric[0].upper()}{printed.metric[1:]}"
    return escape_tex(f"{sentence(table.caption or table.title)} {metric}. {printed.summary}.")


def _list(printed: PrintedTable) -> list[str]:
    labels = [_label_column(printed, place) for place in range(len(printed.label_headings))]
    columns = {
        column.name: number_column([row.texts[column.name] for row in (*printed.rows, *printed.floors)])
        for column in printed.columns
        if column.name not in TEXT_COLUMNS
    }
    preamble = [label.specification if label else "l" for label in labels]
    preamble += [TEXT_COLUMNS.get(column.name) or columns[column.name].specification for column in printed.columns]
    rows = (
        [
            *(_label(text, column) for text, column in zip(row.labels, labels, strict=True)),
            *(_cell(row, column.name, columns.get(column.name)) for column in printed.columns),
        ]
        for row in printed.rows
    )
    floors = (
        [
            spanning(len(labels), "l", escape_tex(row.cell)),
            *(_cell(row, column.name, columns.get(column.name)) for column in printed.columns),
        ]
        for row in printed.floors
    )
    below = [r"\midrule", *map(line, floors)] if printed.floors else []
    return tabular(preamble, [*_headings(printed), r"\midrule", *map(line, rows), *below])


def _label_column(printed: PrintedTable, place: int) -> NumberColumn | None:
    numeric = printed.label_numeric[place]
    return number_column([row.labels[place] for row in printed.rows]) if numeric else None


def _headings(printed: PrintedTable) -> list[str]:
    """Return groups above the headings of their columns; headings of labels are broken at their last space."""
    upper, rules, lower = [], [], []
    for heading in printed.label_headings:
        above, _, below = heading.rpartition(" ")
        upper.append(words(above))
        lower.append(words(below))
    for group, found in groupby(printed.columns, key=lambda column: column.group):
        headings = [words(column.short or column.heading) for column in found]
        if group:
            upper.append(spanning(len(headings), "c", escape_tex(group)))
            rules.append(rule(len(lower) + 1, len(lower) + len(headings)))
        else:
            upper += [""] * len(headings)
        lower += headings
    return [line(upper), "".join(rules), line(lower)]


def _grid(printed: PrintedTable, two_way: TwoWay) -> list[str]:
    """Return a block of rows for means, differences and published values, each with its interval below it."""
    width = len(two_way.across)
    numbers = [names[0] for _, names in printed.blocks()]
    columns = [
        number_column([row.texts[name] for row in rows if row for name in numbers])
        for rows in zip(*(rows for _, rows in printed.grid()), strict=True)
    ]
    lines = [
        line(["", spanning(width, "c", escape_tex(two_way.across_heading))]),
        rule(2, width + 1),
        line(map(words, (two_way.down_heading, *two_way.across))),
    ]
    for heading, (name, *below) in printed.blocks():
        lines += [r"\midrule", line([spanning(width + 1, "l", rf"\emph{{{escape_tex(heading)}}}")])]
        for label, rows in printed.grid():
            cells = (_cell(row, name, column) if row else "" for row, column in zip(rows, columns, strict=True))
            lines.append(line([escape_tex(label), *cells]))
            # A line for the interval, and one for p and outcome: a page is too short for one each.
            for names in (below[:1], below[1:]):
                texts = [_small(row, names) if row else "" for row in rows]
                lines += [line(["", *texts])] if any(texts) else []
    return tabular(["l", *(column.specification for column in columns)], lines)


def _cell(row: PrintedRow, name: str, column: NumberColumn | None) -> str:
    text = row.texts[name]
    if column is None:
        return escape_tex(text) if name in WORDS else interval_tex(text)
    return column.cell(text, row.marks, is_best=row.is_best) if name == "mean" else column.cell(text)


def _small(row: PrintedRow, names: Sequence[str]) -> str:
    shown = ", ".join(_below(name, row.texts[name]) for name in names if row.texts[name] != NOTHING)
    return rf"{{\scriptsize {shown}}}" if shown else ""


def _below(name: str, text: str) -> str:
    return f"$p$ {escape_tex(text)}" if name == "p" else escape_tex(text) if name in WORDS else interval_tex(text)


def _label(text: str, column: NumberColumn | None) -> str:
    return column.cell(text) if column else escape_tex(text)
