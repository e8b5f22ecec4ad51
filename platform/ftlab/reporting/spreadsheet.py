"""The table and its trials as CSV, numbers in full precision."""

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from math import isnan, nan

from ftlab.reporting.ablation import AblationRow, AblationTable
from ftlab.reporting.axes import axis_text

# A spreadsheet runs a cell that begins with one of these as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def trials_csv(table: AblationTable) -> str:
    """Return a row a trial with all its metrics, ordered by cell, then seed.

    Floats read back bit for bit. Durations are left out since they differ between two runs of one trial.
    """
    metrics = sorted(
        {name for trial in table.trials for name, value in trial.metrics.items() if not isnan(value)},
    )
    axes = {row.cell: [axis_text(row.axes.get(axis)) for axis in table.axes] for row in table.rows}
    lines = (
        [
            trial.trial_key,
            str(trial.seed),
            trial.status,
            trial.cell,
            *axes[trial.cell],
            *(number_text(trial.metrics.get(name, nan)) for name in metrics),
            trial.run_id,
        ]
        for trial in table.trials
    )
    return csv_text(["trial_key", "seed", "status", "cell", *table.axes, *metrics, "mlflow_run_id"], lines)


def table_csv(table: AblationTable) -> str:
    """Return a row a cell; what is not defined, such as the deviation of one seed, is empty."""
    statistics = ["n", "n_collapsed", "n_failed", "mean", "std", "ci_low", "ci_high", "published"]
    if table.seeding:
        statistics.append("stopped")
    return csv_text(["cell", *table.axes, *statistics], (_line(table, row) for row in table.rows))


def _line(table: AblationTable, row: AblationRow) -> list[str]:
    summary = row.summary
    return [
        row.cell,
        *(axis_text(row.axes.get(axis)) for axis in table.axes),
        *(str(count) for count in (summary.n, row.n_collapsed, row.n_failed)),
        *(number_text(value) for value in (summary.mean, summary.std, summary.ci_low, summary.ci_high)),
        row.published.shown if row.published else "",
        *([table.seeding.stopped[row.cell]] if table.seeding else []),
    ]


def number_text(value: float) -> str:
    """Return a number in full precision, and nothing for NaN."""
    return "" if isnan(value) else repr(float(value))


def csv_text(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return CSV whose cells a spreadsheet does not run as formulas."""
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_safe(text) for text in line] for line in lines)
    return buffer.getvalue()


def _safe(text: str) -> str:
    # The csv module leaves a lone carriage return unquoted, and readers would begin a new row there.
    line = re.sub(r"[\t\r\n]", " ", text)
    if not text.startswith(FORMULA_STARTS):
        return line
    try:
        float(text)
    except ValueError:
        return f"'{line}"
    return line
