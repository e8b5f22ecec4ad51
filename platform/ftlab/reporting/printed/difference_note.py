"""The note on differences: their baselines, the test and its correction, and the differences that it finds."""

from collections.abc import Mapping, Sequence
from math import fsum, isfinite, isnan, nan, sqrt

from ftlab.reporting.inference.paired_t import MIN_PAIRS, PERCENT
from ftlab.reporting.inference.power import smallest_difference
from ftlab.reporting.table.ablation import AblationRow, AblationTable
from ftlab.reporting.table.axes import axis_label
from ftlab.reporting.table.baselines import GroupBaselines
from ftlab.reporting.table.comparison import Comparison

BY_RULE = (
    "The interval is the repeated confidence interval of the rule that gave the seeds; there are no other tests, since "
    "the rule has looked at the values."
)


def difference_note(table: AblationTable, names: Mapping[str, str]) -> str:
    """Return the note on the differences of a table to its baselines; empty without a baseline.

    Args:
        table: The table.
        names: Name of each cell in texts, by its own name.
    """
    if table.baseline is None:
        return ""
    families = [_compared(table, baseline) for baseline in table.baselines]
    sentences = [_baselines(table, names)]
    if any(families):
        sentences.append("Difference: mean over the seeds that are healthy in both rows, conditional on that.")
        if table.seeding:
            sentences.append(BY_RULE)
        else:
            sentences += [*_tests(table, families), *_screens(table, families, names)]
    return " ".join(sentences)


def correction(table: AblationTable) -> str:
    """Return the intervals of the differences of a table in words; empty without a difference."""
    families = [_compared(table, baseline) for baseline in table.baselines]
    if not any(families):
        return ""
    if table.seeding:
        return "with the repeated confidence intervals of the rule that gave the seeds"
    tested = _tested(families)
    if not tested:
        is_known = any(isfinite(found.difference.ci_low) for family in families for _, found in family)
        return "with simple 95% intervals" if is_known else "without intervals"
    screens = any(found.is_screen for family in families for _, found in family)
    return f"with 95% intervals {_corrected(tested)}{f'; simple ones below {MIN_PAIRS} pairs' if screens else ''}"


def powers_in_words(table: AblationTable) -> list[str]:
    """Return sentences on the smallest differences that the tests of a table find; none without a test."""
    families = [_compared(table, baseline) for baseline in table.baselines]
    return [] if table.seeding else _powers(table, _tested(families))


def _tested(families: Sequence[Sequence[tuple[AblationRow, Comparison]]]) -> list[list[Comparison]]:
    tested = [[found for _, found in family if not found.is_screen] for family in families]
    return [family for family in tested if family]


def _corrected(tested: Sequence[Sequence[Comparison]]) -> str:
    numbers = list(dict.fromkeys(family[0].tests for family in tested))
    return f"corrected for {_listed(numbers)} comparisons" if numbers != [1] else "of a single comparison"


def _compared(table: AblationTable, baseline: str) -> list[tuple[AblationRow, Comparison]]:
    rows = ((row, row.comparison) for row in table.family(baseline))
    return [(row, comparison) for row, comparison in rows if comparison is not None and comparison.difference.n]


def _baselines(table: AblationTable, names: Mapping[str, str]) -> str:
    if not isinstance(table.baseline, GroupBaselines):
        return f"Baseline: {names[table.baselines[0]]}."
    within = axis_label(table.baseline.within)
    groups = [(value, names[cell]) for value, cell in table.baseline.cells.items()]
    # Rows that their axes name differ by that of the group alone.
    within_groups = {name.replace(f"{within} {value}", "").strip() for value, name in groups}
    texts = (f"{name} ({value or 'none'})" for value, name in groups)
    listed = within_groups if len(groups) > len(within_groups) == 1 else texts
    return f"Baseline of each {within}, with tests of its own: {', '.join(listed)}."


def _tests(table: AblationTable, families: Sequence[Sequence[tuple[AblationRow, Comparison]]]) -> list[str]:
    tested = _tested(families)
    if not tested:
        return []
    sentences = [
        f"p: paired t test, two-sided, {_corrected(tested)} as the interval is: p < 0.05 where that leaves out 0.",
        *_powers(table, tested),
    ]
    if any(isnan(found.p) for family in tested for found in family):
        sentences.append("No p without spread.")
    return [sentence for sentence in sentences if sentence]


def _powers(table: AblationTable, families: Sequence[Sequence[Comparison]]) -> list[str]:
    """Return a sentence for each number of seeds, with the least and the greatest difference that families find."""
    found: dict[int, list[float]] = {}
    for family in families:
        n = min(comparison.difference.n for comparison in family)
        found.setdefault(n, []).append(_smallest(table, family, n, family[0].tests))
    known = {n: [value for value in values if not isnan(value)] for n, values in found.items()}
    return [
        f"{n} seeds find differences of {_in_words(table, values)} with 80% power."
        for n, values in known.items()
        if values
    ]


def _screens(
    table: AblationTable, families: Sequence[Sequence[tuple[AblationRow, Comparison]]], names: Mapping[str, str]
) -> list[str]:
    screens = [(row, found) for family in families for row, found in family if found.is_screen]
    if not screens:
        return []
    numbers = {found.difference.n for _, found in screens}
    n = max(numbers)
    is_each = len(numbers) == 1 and len(screens) + len(families) == len(table.rows) > MIN_PAIRS
    rows = (
        f"every row ({n})"
        if is_each
        else ", ".join(f"{names[row.cell]} ({found.difference.n})" for row, found in screens)
    )
    tests = max(map(len, families))
    smallest = _smallest(table, [found for _, found in screens], n, tests)
    return [
        f"A screen without test and bold, below {MIN_PAIRS} healthy pairs: {rows}; each interval is a simple one.",
        *([] if isnan(smallest) else [f"{n} seeds find only differences above {_in_words(table, [smallest])}."]),
    ]


def _smallest(table: AblationTable, family: Sequence[Comparison], n: int, tests: int) -> float:
    """Return the smallest difference that a test finds; NaN without any deviation."""
    scale = table.scale
    deviations = [scale.deviation(found.difference.std) for found in family if found.difference.n > 1]
    if n < 2 or not any(deviations):
        return nan
    deviation = sqrt(fsum(each**2 for each in deviations) / len(deviations))
    return smallest_difference(n, tests, deviation)


def _in_words(table: AblationTable, values: Sequence[float]) -> str:
    ends = dict.fromkeys(f"{end:.2g}" if end < 100 else f"{end:.0f}" for end in (min(values), max(values)))
    return f"{' to '.join(ends)}{' points' if table.scale == PERCENT else ''}"


def _listed(numbers: Sequence[int]) -> str:
    return " and ".join(map(str, numbers))
