"""The numbers of a table by their names, for a store of metrics."""

from collections.abc import Mapping
from math import isnan

from ftlab.reporting.table.ablation import AblationRow, AblationTable


def key_numbers(table: AblationTable) -> dict[str, Mapping[str, float]]:
    """Return the numbers of each row by the name of its cell, in the units of the table; undefined ones are left out.

    Those are mean, interval and number of seeds, difference to the baseline with interval and p, and collapses.
    """
    return {row.cell: {name: value for name, value in _numbers(row).items() if not isnan(value)} for row in table.rows}


def _numbers(row: AblationRow) -> dict[str, float]:
    summary = row.summary
    numbers = {"mean": summary.mean, "low": summary.ci_low, "high": summary.ci_high, "seeds": float(summary.n)}
    numbers["collapsed"] = float(row.n_collapsed)
    if row.comparison is not None:
        difference = row.comparison.difference
        numbers |= {"difference": difference.mean, "difference_low": difference.ci_low}
        numbers |= {"difference_high": difference.ci_high, "p": row.comparison.p}
    return numbers
