"""The results of a search as CSV and Markdown."""

from collections.abc import Sequence
from math import isnan

from ftlab.reporting.printed.layout import NOTHING
from ftlab.reporting.printed.metric_labels import metric_label
from ftlab.reporting.search.findings import Importance, SearchReport, SearchTrial
from ftlab.reporting.table.axes import axis_label, axis_text
from ftlab.reporting.writers.markdown import escaped, table_line
from ftlab.reporting.writers.spreadsheet import csv_text, number_text

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
    title = f"## What decides: fANOVA {OBJECTIVES[importance.objective]}, {importance.num_trials} finished trials"
    parts = [title]
    if importance.shares:
        lines = [table_line(["parameter", "share (%)"]), table_line([":---", "---:"])]
        lines += [table_line([escaped(axis), f"{share:.1f}"]) for axis, share in importance.shares.items()]
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, *([escaped(importance.note)] if importance.note else [])])


def search_md(report: SearchReport) -> str:
    """Return a search in GitHub Markdown: the best beside the known configurations, then the importance of settings."""
    shown = report.front if report.has_cost else tuple(trial for trial in (report.best,) if trial)
    known = [trial for trial in report.trials if trial.name in report.known and trial.status != "repeated"]
    columns = [*(trial for trial in known if trial not in shown), *shown]
    lines = [table_line(["", *(escaped(trial.name) for trial in columns)])]
    lines.append(table_line([":---", *[":---"] * len(columns)]))
    lines.append(table_line([metric_label(report.metric), *(_value(trial, trial in shown) for trial in columns)]))
    if report.has_cost:
        lines.append(table_line(["hours x devices", *(_hours(trial) for trial in columns)]))
    for name in report.settings:
        texts = [axis_text(trial.settings.get(name)) or NOTHING for trial in columns]
        lines.append(table_line([axis_label(name), *map(escaped, texts)]))
    parts = [f"# {escaped(report.title)}", "\n".join(lines), escaped(_counts(report))]
    return "\n\n".join([*parts, *(importance_md(importance) for importance in report.importance)]) + "\n"


def _value(trial: SearchTrial, is_best: bool) -> str:
    text = f"{trial.value:.1f}" if trial.is_result else trial.status
    return f"**{text}**" if is_best else text


def _hours(trial: SearchTrial) -> str:
    return NOTHING if isnan(trial.cost) else f"{trial.cost:.3g}"


def _counts(report: SearchReport) -> str:
    kinds = {
        "trained to the end": lambda trial: trial.is_result,
        "stopped early": lambda trial: trial.status == "pruned",
        "failed": lambda trial: trial.status == "failed",
        "suggested again and answered without training": lambda trial: trial.status == "repeated",
    }
    counts = {kind: sum(map(belongs, report.trials)) for kind, belongs in kinds.items()}
    return (
        ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) + "." if report.trials else "No trial."
    )


def _result(trial: SearchTrial) -> list[str]:
    return [str(trial.number), trial.name, trial.status, number_text(trial.value), number_text(trial.cost)]


def _settings(report: SearchReport, trial: SearchTrial) -> Sequence[str]:
    return [axis_text(trial.settings.get(name)) for name in report.settings]
