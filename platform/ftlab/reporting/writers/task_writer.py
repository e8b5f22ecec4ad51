"""The table over tasks as CSV, Markdown and LaTeX."""

import csv
from collections.abc import Callable, Mapping
from io import StringIO
from math import isnan

from ftlab.reporting.printed.layout import NOTHING
from ftlab.reporting.table.statistics import Summary
from ftlab.reporting.table.task_table import TaskTable
from ftlab.reporting.writers.latex_numbers import escape_tex
from ftlab.reporting.writers.markdown import LEFT, RIGHT, escaped, table_line

RANK = "mean rank"


def tasks_csv(table: TaskTable) -> str:
    """Return a line per cell and task with unrounded statistics."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["cell", "task", "n", "mean", "std", "ci_low", "ci_high", "mean_rank"])
    for row in table.rows:
        for task, one in zip(table.tasks, row.summaries, strict=True):
            numbers = (one.mean, one.std, one.ci_low, one.ci_high, row.mean_rank)
            writer.writerow([row.name, task, one.n, *("" if isnan(number) else repr(number) for number in numbers)])
    return text.getvalue()


def tasks_md(table: TaskTable) -> str:
    """Return the table in GitHub Markdown: title, table, notes."""
    lines = [
        table_line(list(map(escaped, heads := _heads(table)))),
        table_line([LEFT, *[RIGHT] * (len(heads) - 1)]),
        *(table_line([escaped(name), *cells]) for name, cells in printed_rows(table)),
    ]
    return "\n\n".join([f"# {escaped(table.title)}", "\n".join(lines), *map(escaped, table.notes)]) + "\n"


def tasks_tex(table: TaskTable) -> str:
    """Return the table in LaTeX, for booktabs."""
    rows = [[escape_tex(name), *map(_tex, cells)] for name, cells in printed_rows(table)]
    return "\n".join(
        [
            *(f"% {line}" for line in map(escape_tex, (table.title, *table.notes))),
            rf"\begin{{tabular}}{{l{'r' * (len(heads := _heads(table)) - 1)}}}",
            r"\toprule",
            _line(list(map(escape_tex, heads))),
            r"\midrule",
            *map(_line, rows),
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


TASK_RENDERERS: Mapping[str, Callable[[TaskTable], str]] = {
    "transfer.csv": tasks_csv,
    "transfer.md": tasks_md,
    "transfer.tex": tasks_tex,
}


def render_tasks(table: TaskTable) -> dict[str, str]:
    """Return the content of each file of a table over tasks, by name."""
    return {name: render(table) for name, render in TASK_RENDERERS.items()}


def printed_rows(table: TaskTable) -> list[tuple[str, list[str]]]:
    """Return the name and the cells of each row.

    They are mean and half the 95% interval of each task, the mean rank, and what is published.
    """
    return [
        (
            row.name,
            [
                *map(_accuracy, row.summaries),
                _number(row.mean_rank, ".2f"),
                *(found.get(row.name, NOTHING) for found in table.published.values()),
            ],
        )
        for row in table.rows
    ]


def _heads(table: TaskTable) -> list[str]:
    return ["cell", *table.tasks, RANK, *table.published]


def _accuracy(one: Summary) -> str:
    half = (one.ci_high - one.ci_low) / 2
    return _number(one.mean, ".1f") + ("" if isnan(half) else f" ± {half:.1f}")


def _number(value: float, form: str) -> str:
    return NOTHING if isnan(value) else format(value, form)


def _tex(text: str) -> str:
    return escape_tex(text) if text == NOTHING else f"${text}$".replace("±", r"\pm")


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"
