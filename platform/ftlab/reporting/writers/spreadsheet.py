"""The table and its trials as CSV, with numbers in full precision."""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields
from io import StringIO
from math import isnan, nan

from ftlab.reporting.table.ablation import AblationRow, AblationTable
from ftlab.reporting.table.axes import axis_text
from ftlab.reporting.table.comparison import Comparison
from ftlab.reporting.table.statistics import Summary

COUNTS = ("n", "n_collapsed", "n_failed", "n_missing")
STATISTICS = tuple(statistic.name for statistic in fields(Summary) if statistic.name != "n")
COMPARISON = (
    "n_pairs",
    "difference",
    "difference_ci_low",
    "difference_ci_high",
    "hedges_gz",
    "p",
    "p_wilcoxon",
    "p_permutation",
    "p_holm",
)

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
    """Return a row a cell; a value that is not defined, such as the deviation of one seed, is empty."""
    names = [*COUNTS, *STATISTICS, *COMPARISON, "published", "same_protocol", "comparability"]
    if table.seeding:
        names.append("stopped")
    return csv_text(["cell", *table.axes, *names], (_line(table, row) for row in table.rows))


def _line(table: AblationTable, row: AblationRow) -> list[str]:
    summary = row.summary
    return [
        row.cell,
        *(axis_text(row.axes.get(axis)) for axis in table.axes),
        *(str(count) for count in (summary.n, row.n_collapsed, row.n_failed, row.n_missing)),
        *(number_text(getattr(summary, name)) for name in STATISTICS),
        *_comparison(row.comparison),
        row.published.shown if row.published else "",
        ("yes" if table.same_protocol else "no") if table.published else "",
        "; ".join(str(caveat) for caveat in row.caveats),
        *([table.seeding.stopped[row.cell]] if table.seeding else []),
    ]


def _comparison(found: Comparison | None) -> list[str]:
    if found is None:
        return [""] * len(COMPARISON)
    difference = found.difference
    values = (
        *(difference.mean, difference.ci_low, difference.ci_high, found.effect_size),
        *(found.p, found.p_wilcoxon, found.p_permutation, found.p_holm),
    )
    return [str(difference.n), *map(number_text, values)]


def number_text(value: float) -> str:
    """Return a number in full precision, and nothing for NaN."""
    return "" if isnan(value) else repr(float(value))


def csv_text(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return CSV whose cells a spreadsheet does not run as formulas."""
    buffer = StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(map(_safe, header))
    writer.writerows([_safe(text) for text in line] for line in lines)
    return buffer.getvalue()


def _safe(text: str) -> str:
    # The csv module leaves a lone carriage return unquoted, and readers would begin a new row there.
    line = re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text)
    if not text.startswith(FORMULA_STARTS):
        return line
    try:
        float(text)
    except ValueError:
        return f"'{line}"
    return line
