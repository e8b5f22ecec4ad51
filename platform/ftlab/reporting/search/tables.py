"""The results of a search as CSV and Markdown."""

from collections.abc import Sequence
from math import isnan

from ftlab.reporting.inference.collapse import COLLAPSED
from ftlab.reporting.printed.layout import NOTHING
from ftlab.reporting.printed.metric_labels import metric_label, metric_name
from ftlab.reporting.search.findings import Importance, SearchReport, SearchTrial
from ftlab.reporting.table.axes import axis_label, axis_text
from ftlab.reporting.writers.markdown import escaped, table_line
from ftlab.reporting.writers.spreadsheet import csv_text, number_text

HOURS = "hours x devices"
OBJECTIVES = {"accuracy": "of the accuracy", "cost": "of the cost"}


def search_trials_csv(report: SearchReport) -> str:
    """Return a row a configuration, in the order of the search; floats read back bit for bit."""
    header = ["number", "name", "status", report.metric, "cost_hours", "knn/top1", *report.settings]
    lines = (
        [
            *_result(trial),
            number_text(trial.knn),
            *_settings(report, trial),
            " ".join(trial.trial_keys),
            " ".join(trial.run_ids),
            trial.reason,
        ]
        for trial in report.trials
    )
    return csv_text([*header, "trial_keys", "mlflow_run_ids", "reason"], lines)


def pareto_csv(report: SearchReport) -> str:
    """Return a row a configuration of the Pareto front, cheapest first."""
    header = ["number", "name", "status", report.metric, "cost_hours", *report.settings]
    return csv_text(header, ([*_result(trial), *_settings(report, trial)] for trial in report.front))


def importance_csv(report: SearchReport) -> str:
    """Return a row an objective and parameter, most important first."""
    lines = (
        [importance.objective, parameter, number_text(share), str(importance.num_trials)]
        for importance in report.importance
        for parameter, share in importance.shares.items()
    )
    return csv_text(["objective", "parameter", "share_percent", "num_trials"], lines)


def importance_md(importance: Importance) -> str:
    """Return the importance of the parameters for one objective in GitHub Markdown."""
    parts = [f"## {importance_title(importance)}"]
    if importance.shares:
        lines = [table_line(["parameter", "share (%)"]), table_line([":---", "---:"])]
        lines += [table_line([escaped(axis), f"{share:.1f}"]) for axis, share in importance.shares.items()]
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, *([escaped(importance.note)] if importance.note else [])])


def search_md(report: SearchReport) -> str:
    """Return a search in GitHub Markdown: the best beside the known configurations, then the importance of settings."""
    shown, columns = report.shown, report.compared
    lines = [table_line(["", *(escaped(trial.name) for trial in columns)])]
    lines.append(table_line([":---", *[":---"] * len(columns)]))
    lines.append(table_line([metric_label(report.metric), *(_value(trial, trial in shown) for trial in columns)]))
    if report.has_cost:
        lines.append(table_line([HOURS, *map(hours_text, columns)]))
    for name in report.settings:
        texts = [setting_text(trial, name) for trial in columns]
        lines.append(table_line([axis_label(name), *map(escaped, texts)]))
    parts = [f"# {escaped(report.title)}", "\n".join(lines), escaped(counts_line(report)), *_top_md(report)]
    return "\n\n".join([*parts, *(importance_md(importance) for importance in report.importance)]) + "\n"


def top_rows(report: SearchReport) -> tuple[list[str], list[list[str]]]:
    """Return headings and rows of the best configurations, as text."""
    headings = ["configuration", metric_label(report.metric), HOURS, *map(axis_label, report.settings)]
    rows = [
        [_named(trial), value_text(trial), hours_text(trial), *(setting_text(trial, name) for name in report.settings)]
        for trial in report.top
    ]
    return headings, rows


def counts_line(report: SearchReport) -> str:
    """Return the numbers of trials by how they ended, in words."""
    by = f" by {metric_name(report.stopped_by)}" if report.stopped_by else ""
    kinds = {
        f"trained to the end and judged by {metric_name(report.metric)}": lambda trial: trial.is_result,
        f"stopped early{by}": lambda trial: trial.status == "pruned",
        "failed": lambda trial: trial.status == "failed",
        "suggested again and answered without training": lambda trial: trial.status == "repeated",
    }
    counts = {kind: sum(map(belongs, report.trials)) for kind, belongs in kinds.items()}
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return f"{told}." if report.trials else "No trial."


def value_text(trial: SearchTrial) -> str:
    """Return the value of a trial; its status if it has none."""
    return trial.status if isnan(trial.value) else f"{trial.value:.1f}"


def hours_text(trial: SearchTrial) -> str:
    """Return the cost of a trial."""
    return NOTHING if isnan(trial.cost) else f"{trial.cost:.3g}"


def setting_text(trial: SearchTrial, name: str) -> str:
    """Return a setting of a trial; a dash where it has no effect."""
    return axis_text(trial.settings.get(name)) or NOTHING


def importance_title(importance: Importance) -> str:
    """Return the heading above the importance of the parameters for one objective."""
    return f"What decides: fANOVA {OBJECTIVES[importance.objective]}, {importance.num_trials} finished trials"


def _top_md(report: SearchReport) -> list[str]:
    headings, rows = top_rows(report)
    if len(rows) < 2:
        return []
    lines = [table_line(list(map(escaped, headings))), table_line([":---", *["---:"] * (len(headings) - 1)])]
    lines += [table_line(list(map(escaped, row))) for row in rows]
    return [f"## The best {len(rows)}", "\n".join(lines)]


def _named(trial: SearchTrial) -> str:
    return f"{trial.name} (collapsed)" if trial.status == COLLAPSED else trial.name


def _value(trial: SearchTrial, is_best: bool) -> str:
    return f"**{value_text(trial)}**" if is_best else value_text(trial)


def _result(trial: SearchTrial) -> list[str]:
    return [str(trial.number), trial.name, trial.status, number_text(trial.value), number_text(trial.cost)]


def _settings(report: SearchReport, trial: SearchTrial) -> Sequence[str]:
    return [axis_text(trial.settings.get(name)) for name in report.settings]
