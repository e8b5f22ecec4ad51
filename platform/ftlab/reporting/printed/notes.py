"""The notes below a printed table: the meaning of its numbers, and all that a reader must know to compare them."""

from collections.abc import Callable, Mapping
from itertools import groupby
from math import isfinite

from ftlab.reporting.printed.difference_note import difference_note
from ftlab.reporting.printed.metric_labels import metric_name
from ftlab.reporting.printed.two_way import TwoWay
from ftlab.reporting.table.ablation import AblationRow, AblationTable
from ftlab.reporting.table.floor_values import floor_note
from ftlab.reporting.table.statistics import INTERVAL_NAMES, MIN_BOOTSTRAPPED

COLLAPSE_MARK, DIFFERS_MARK, PROTOCOL_MARK, DEGENERATE_MARK = "†", "‡", "§", "¶"


def summary_note(table: AblationTable) -> str:
    """Return the seeds that mean and interval are taken over, and what bold means, in words without a full stop."""
    found = mean_in_words(table)
    return f"{found[0].upper()}{found[1:]}" if found else "No trial has a value yet"


def mean_in_words(table: AblationTable) -> str:
    """Return `summary_note` within a sentence; empty if no trial has a value yet."""
    seeds = seeds_in_words(table)
    if not seeds:
        return ""
    is_known = any(isfinite(row.summary.ci_low) for row in table.rows)
    interval = f" with its 95% {INTERVAL_NAMES[table.interval]} interval" if is_known else ", too few for an interval"
    bold = "; in bold the rows that no complete row beats" if any(row.is_best for row in table.rows) else ""
    return f"mean over {seeds}{interval}{bold}"


def seeds_in_words(table: AblationTable) -> str:
    """Return the number of seeds that means are taken over, in words; empty if no trial has a value yet."""
    counts = sorted({row.summary.n for row in table.rows if row.summary.n})
    if not counts:
        return ""
    spread = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    healthy = "healthy " if any(row.n_collapsed for row in table.rows) else ""
    return f"{spread} {healthy}seed{'' if counts == [1] else 's'}"


def table_notes(table: AblationTable, names: Mapping[str, str], two_way: TwoWay | None) -> tuple[str, ...]:
    """Return the notes, those of marks first.

    Args:
        table: The table.
        names: Name of each cell in texts, by its own name.
        two_way: Arrangement of the rows in two dimensions, which has no place for numbers of seeds and for floors.
    """
    notes = (
        *_marks(table, names),
        _published(table),
        difference_note(table, names),
        _judged(table),
        _floors(table, is_listed=two_way is None),
        _unpaired(table, names),
        _refused_intervals(table, names),
        _seeds(table, names) if two_way else "",
        *_lost(table, names),
        "Left empty: combinations that the experiment does not have." if two_way and two_way.has_holes else "",
        _skipped(table),
        table.seeding.note if table.seeding else "",
    )
    return tuple(note for note in notes if note)


def symbol_notes(table: AblationTable, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the notes that a table cannot do without: on marks of its means, and on trials that it lacks.

    Args:
        table: The table.
        names: Name of each cell in texts, by its own name.
    """
    return tuple(note for note in (*_marks(table, names), *_lost(table, names)) if note)


def _marks(table: AblationTable, names: Mapping[str, str]) -> tuple[str, ...]:
    degenerate = f"{DEGENERATE_MARK} Degenerate, counted in the mean: scores collapsed and features did not"
    return (
        _collapses(table, names),
        _count(table, names, degenerate, lambda row: row.n_degenerate),
        _caveats(table, names),
    )


def _lost(table: AblationTable, names: Mapping[str, str]) -> tuple[str, ...]:
    return (
        _count(table, names, "Ended without a value, in no mean", lambda row: row.n_without_value),
        _count(table, names, "Failed, without a value", lambda row: row.n_failed),
        _count(table, names, "Not finished yet", lambda row: row.n_missing),
    )


def _count(table: AblationTable, names: Mapping[str, str], what: str, number: Callable[[AblationRow], int]) -> str:
    parts = [
        f"{names[row.cell]} ({number(row)} of {row.n_trials + row.n_missing})" for row in table.rows if number(row)
    ]
    return f"{what}: {', '.join(parts)}." if parts else ""


def _collapses(table: AblationTable, names: Mapping[str, str]) -> str:
    rates = ((names[row.cell], row.collapse) for row in table.rows if row.n_collapsed)
    parts = [f"{name} ({rate}, rate {rate.low:.0%} to {rate.high:.0%})" for name, rate in rates]
    if not parts:
        return ""
    return f"{COLLAPSE_MARK} Collapsed, not in the mean, with the exact 95% interval of the rate: {', '.join(parts)}."


def _judged(table: AblationTable) -> str:
    shown = [name for name in (table.metric, *table.other_metrics) if name in table.judged]
    parts = "; ".join(f"{metric_name(name)}: {table.judged[name]}" for name in shown)
    images = f" Judged on {table.judged_on}." if table.judged_on else ""
    return f"{parts[0].upper()}{parts[1:]}.{images}" if parts else images.strip()


def _floors(table: AblationTable, *, is_listed: bool) -> str:
    if not table.floors:
        return ""
    if is_listed:
        return "Rows without training are floors, and take part in no comparison."
    return floor_note(table.floors, table.metric)


def _seeds(table: AblationTable, names: Mapping[str, str]) -> str:
    most = max(row.summary.n for row in table.rows)
    fewer = [f"{names[row.cell]} ({row.summary.n})" for row in table.rows if row.summary.n < most]
    return f"Seeds: {', '.join(fewer)}; all others {most}." if fewer else ""


def _skipped(table: AblationTable) -> str:
    numbers = sorted({trial.skipped for trial in table.trials if trial.skipped})
    return f"Images left out because they could not be read: {', or '.join(numbers)}." if numbers else ""


def _unpaired(table: AblationTable, names: Mapping[str, str]) -> str:
    parts = [
        f"{names[row.cell]} ({row.comparison.difference.n} of {row.summary.n})"
        for row in table.rows
        if row.comparison and row.comparison.difference.n != row.summary.n
    ]
    return f"Seeds in common with the baseline: {', '.join(parts)}." if parts else ""


def _refused_intervals(table: AblationTable, names: Mapping[str, str]) -> str:
    few = [f"{names[row.cell]} ({row.summary.n})" for row in table.rows if 1 < row.summary.n < MIN_BOOTSTRAPPED]
    if table.interval != "bca" or not few:
        return ""
    return f"No bootstrap interval below {MIN_BOOTSTRAPPED} seeds: {', '.join(few)}."


def _caveats(table: AblationTable, names: Mapping[str, str]) -> str:
    """Return the note on cells that differ from the baseline; cells with the same differences stand together."""

    def what(row: AblationRow) -> str:
        return ", ".join(map(str, row.caveats))

    marked = sorted((row for row in table.rows if row.caveats), key=what)
    parts = [f"{', '.join(names[row.cell] for row in rows)} ({words})" for words, rows in groupby(marked, key=what)]
    return f"{DIFFERS_MARK} Not trained or judged alike: {'; '.join(parts)}." if parts else ""


def _published(table: AblationTable) -> str:
    if table.published is None:
        return ""
    origin = f"Paper: {table.published.source} ({table.published.series}; {table.published_protocol})."
    # Words that stand in place of a number are in the table.
    values = [row.published for row in table.rows if row.published]
    remarks = dict.fromkeys(value.note for value in values if value.text and value.note)
    about = f" {'; '.join(remarks)}." if remarks else ""
    if table.same_protocol:
        return f"{origin} Same protocol: yes.{about}"
    ours = f" (ours: {table.protocol})" if table.protocol else ""
    return f"{PROTOCOL_MARK} {origin} Same protocol: no{ours}.{about}"
