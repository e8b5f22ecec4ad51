"""The table and its trials as CSV, with numbers in full precision."""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import fields
from io import StringIO
from math import isnan, nan

from ftlab.contrast.score_statistics import COLLAPSED_STD, PROJECTION_STD
from ftlab.reporting.inference.collapse import BACKBONE_RANKME, HEALTHY_RANKME, score_margin
from ftlab.reporting.table.ablation import AblationRow, AblationTable, AblationTrial
from ftlab.reporting.table.axes import axis_text
from ftlab.reporting.table.floor_values import FloorValues
from ftlab.reporting.table.statistics import Summary

COUNTS = ("n", "n_collapsed", "n_degenerate", "n_without_value", "n_failed", "n_missing")
COLLAPSE = ("collapse_rate", "collapse_ci_low", "collapse_ci_high")
OVERALL = ("n_with_collapsed", "mean_with_collapsed", "std_with_collapsed")
# Intervals over seeds and test images.
IMAGES = ("ci_low_images", "ci_high_images", "difference_ci_low_images", "difference_ci_high_images")
OTHERS = ("mean", "std", "ci_low", "ci_high")
HEALTH = ("score_margin", "score_margin_threshold", "backbone_rankme_threshold")
# Of tables with a method without negatives; the quantity itself is among the metrics.
SPREAD = ("projection_std_threshold",)
STATISTICS = tuple(statistic.name for statistic in fields(Summary) if statistic.name != "n")
COMPARISON = (
    "baseline",
    "n_pairs",
    "difference",
    "difference_std",
    "difference_ci_low",
    "difference_ci_high",
    "hedges_gz",
    "comparisons",
    "p",
    "outcome",
    "p_single",
    "p_holm",
    "p_pooled",
    "p_wilcoxon",
    "p_permutation",
    "variance_ratio",
)

# A spreadsheet runs a cell that begins with one of these as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def trials_csv(table: AblationTable) -> str:
    """Return a row a trial with all its metrics, ordered by cell, then seed.

    Beside its status stand the quantities that tell collapse, with their thresholds.

    Floats read back bit for bit. Durations are left out since they differ between two runs of one trial.
    """
    metrics = sorted(
        {name for trial in table.trials for name, value in trial.metrics.items() if not isnan(value)},
    )
    health = (*HEALTH, *SPREAD) if PROJECTION_STD in metrics else HEALTH
    axes = {row.cell: [axis_text(row.axes.get(axis)) for axis in table.axes] for row in table.rows}
    lines = (
        [
            trial.trial_key,
            str(trial.seed),
            trial.status,
            trial.cell,
            *axes[trial.cell],
            *(number_text(value) for value in _health(trial)[: len(health)]),
            *(number_text(trial.metrics.get(name, nan)) for name in metrics),
            trial.run_id,
        ]
        for trial in table.trials
    )
    return csv_text(["trial_key", "seed", "status", "cell", *table.axes, *health, *metrics, "mlflow_run_id"], lines)


def table_csv(table: AblationTable) -> str:
    """Return a row a cell; a value that is not defined, such as the deviation of one seed, is empty."""
    names = [
        *COUNTS,
        *STATISTICS,
        *COLLAPSE,
        *OVERALL,
        *IMAGES,
        *COMPARISON,
        "is_best",
        "published",
        "same_protocol",
        "comparability",
    ]
    names += [*_other_names(table), "is_floor"]
    if table.seeding:
        names.append("stopped")
    lines = [_line(table, row) for row in table.rows]
    floors = [_floor_line(table, floor, names) for floor in table.floors]
    return csv_text(["cell", *table.axes, *names], [*lines, *floors])


def _line(table: AblationTable, row: AblationRow) -> list[str]:
    summary, rate = row.summary, row.collapse
    return [
        row.cell,
        *(axis_text(row.axes.get(axis)) for axis in table.axes),
        *(str(summary.n if name == "n" else getattr(row, name)) for name in COUNTS),
        *(number_text(getattr(summary, name)) for name in STATISTICS),
        *map(number_text, (rate.count / rate.n if rate.n else nan, rate.low, rate.high)),
        *(str(row.overall.n), number_text(row.overall.mean), number_text(row.overall.std)),
        *map(number_text, (row.images.mean.low, row.images.mean.high)),
        *map(number_text, (row.images.difference.low, row.images.difference.high)),
        *_comparison(row),
        "yes" if row.is_best else "no",
        row.published.shown if row.published else "",
        ("yes" if table.same_protocol else "no") if table.published else "",
        "; ".join(str(caveat) for caveat in row.caveats),
        *_others(row.others.get(metric) for metric in table.other_metrics),
        "no",
        *([table.seeding.stopped[row.cell]] if table.seeding else []),
    ]


def _floor_line(table: AblationTable, floor: FloorValues, names: Sequence[str]) -> list[str]:
    summary = floor.summary(table.metric)
    others = (floor.summary(metric) for metric in table.other_metrics)
    known = {
        **dict.fromkeys(COUNTS, "0"),
        "n": str(summary.n),
        **{name: number_text(getattr(summary, name)) for name in STATISTICS},
        **dict(zip(_other_names(table), _others(others), strict=True)),
        "is_floor": "yes",
    }
    return [floor.name, *[""] * len(table.axes), *(known.get(name, "") for name in names)]


def _other_names(table: AblationTable) -> list[str]:
    return [f"{metric}_{statistic}" for metric in table.other_metrics for statistic in OTHERS]


def _others(summaries: Iterable[Summary | None]) -> list[str]:
    found = (summary or Summary(0) for summary in summaries)
    return [number_text(getattr(summary, name)) for summary in found for name in OTHERS]


def _health(trial: AblationTrial) -> tuple[float, ...]:
    thresholds = {BACKBONE_RANKME: HEALTHY_RANKME, PROJECTION_STD: COLLAPSED_STD}
    known = (nan if isnan(trial.metrics.get(name, nan)) else threshold for name, threshold in thresholds.items())
    return *score_margin(trial.metrics), *known


def _comparison(row: AblationRow) -> list[str]:
    found = row.comparison
    if found is None:
        return [row.baseline or "", *[""] * (len(COMPARISON) - 1)]
    difference = found.difference
    statistics = (difference.mean, difference.std, difference.ci_low, difference.ci_high, found.effect_size)
    others = (found.p_single, found.p_holm, found.p_pooled, found.p_wilcoxon, found.p_permutation)
    return [
        *(row.baseline or "", str(difference.n)),
        *map(number_text, statistics),
        *(str(found.tests), number_text(found.p), row.outcome),
        *map(number_text, (*others, found.variance_ratio)),
    ]


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
