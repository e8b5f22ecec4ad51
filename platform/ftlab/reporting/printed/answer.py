"""The answer of a table in sentences, from its statistics alone."""

from collections.abc import Mapping, Sequence
from math import isnan

from ftlab.reporting.inference.collapse import BETTER, WORSE
from ftlab.reporting.printed.difference_note import powers_in_words
from ftlab.reporting.printed.layout import number_text, row_name
from ftlab.reporting.printed.metric_labels import metric_name
from ftlab.reporting.table.ablation import AblationRow, AblationTable


def answer(table: AblationTable) -> str:
    """Return what the table finds: the rows that are better, worse and not told apart, and what it could have found.

    Args:
        table: The table; one without a baseline has its highest mean.
    """
    if all(isnan(row.summary.mean) for row in table.rows):
        return "No trial has a value yet."
    names = {row.cell: row_name(table, row).replace("_", " ") for row in table.rows}
    if table.baseline is None:
        best = max((row for row in table.rows if not isnan(row.summary.mean)), key=lambda row: row.summary.mean)
        return f"The highest {metric_name(table.metric)} is that of {names[best.cell]}: {best.summary.mean:.1f}%."
    parts = [_family(table.family(baseline), names[baseline], names) for baseline in table.baselines]
    return " ".join(text for text in (*parts, *powers_in_words(table)) if text)


def _family(rows: Sequence[AblationRow], baseline: str, names: Mapping[str, str]) -> str:
    """Return the sentence of a baseline, with the differences in points."""
    compared = [row for row in rows if row.comparison and (row.comparison.difference.n or row.outcome)]
    if not compared:
        return ""
    kinds = {kind: [row for row in compared if _kind(row) == kind] for kind in (BETTER, WORSE, COLLAPSES, OPEN, SCREEN)}
    parts = [f"{kind} {_listed(found, names)}" for kind, found in kinds.items() if found]
    none = "" if kinds[BETTER] or kinds[SCREEN] == compared else "no row is better; "
    return f"Against {baseline}: {none}{'; '.join(parts)}."


COLLAPSES, OPEN, SCREEN = "collapses more often:", "not told apart:", "too few seeds for a test:"


def _kind(row: AblationRow) -> str:
    if row.outcome in (BETTER, WORSE):
        return row.outcome
    if row.outcome:
        return COLLAPSES
    return SCREEN if row.comparison and row.comparison.is_screen else OPEN


def _listed(rows: Sequence[AblationRow], names: Mapping[str, str]) -> str:
    differences = (row.comparison.difference.mean if row.comparison else float("nan") for row in rows)
    parts = (f"{names[row.cell]} ({number_text(mean, '+')})" for row, mean in zip(rows, differences, strict=True))
    return ", ".join(parts)
