"""The right half of the page: the runs of a cell, from which the reader chooses those in the figures."""

from collections.abc import Iterable, Mapping
from math import isnan
from typing import Any

import pandas as pd
from dash import dcc, html
from dash.development.base_component import Component

from explorer.study_view import StudyView
from ftlab.reporting.printed.layout import lay_out, row_name
from ftlab.reporting.printed.metric_labels import metric_label

MAX_MATCHES = 50
SHORT = 8


def cell_heading(view: StudyView, cell: str) -> list[Component]:
    """Return the name of a cell and its result."""
    places = {row.cell: place for place, row in enumerate(view.table.rows)}
    row, printed = view.table.rows[places[cell]], lay_out(view.table).rows[places[cell]]
    texts = printed.texts
    interval = f", 95% interval {texts['interval']}" if not isnan(row.summary.ci_low) else ""
    result = f"{metric_label(view.table.metric)} {texts['mean']}{interval}, n = {texts['n']}"
    return [html.H2(row_name(view.table, row)), html.P(result, className="quiet")]


def run_checklist(identity: str, options: list[dict[str, Any]], ticked: list[str]) -> Component:
    """Return the checklist of runs.

    Args:
        identity: Identity of the cell. Dash cannot make a list shorter in place, so another list is another element.
        options: The runs.
        ticked: Trial keys of the runs that are shown.
    """
    checklist = dcc.Checklist(options, ticked, id="runs", className="runs")
    return html.Div(checklist, key=f"{identity} {len(options)}")


def run_options(runs: pd.DataFrame, metric: str, epochs: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return the runs of a cell as choices of a checklist.

    Args:
        runs: Trials of the cell.
        metric: Metric of the table.
        epochs: Epochs that the running ones have trained so far, by trial key.
    """
    return [
        {
            "value": run["trial_key"],
            "label": html.Span(
                [
                    html.Span(f"seed {run['seed']}"),
                    html.Span(_status(run, epochs), className=f"status {run['status']}", title=run["reason"]),
                    html.Span(_number(run.get(metric)), className="number"),
                    html.Code(run["run_id"][:SHORT], title=f"MLflow run {run['run_id']}, trial {run['trial_key']}"),
                ],
                className="run",
            ),
        }
        for run in _records(runs)
    ]


def matching_runs(trials: pd.DataFrame, search: str, chosen: Iterable[str]) -> list[dict[str, str]]:
    """Return the runs that a search finds by study, name or key, the chosen ones first.

    Args:
        trials: All trials of the store.
        search: Words that must all occur.
        chosen: Trial keys that stay among the choices.
    """
    labels = trials["study"] + " · " + trials["name"]
    texts = (labels + " " + trials["trial_key"] + " " + trials["run_id"]).str.lower()
    found = pd.Series(data=True, index=trials.index)
    for word in search.lower().split():
        found &= texts.str.contains(word, regex=False)
    is_chosen = trials["trial_key"].isin(set(chosen))
    order = [*trials.index[is_chosen], *trials.index[found & ~is_chosen][:MAX_MATCHES]]
    return [{"value": str(trials.at[place, "trial_key"]), "label": str(labels[place])} for place in order]


def _records(runs: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in run.items()} for run in runs.to_dict("records")]


def _status(run: Mapping[str, Any], epochs: Mapping[str, int]) -> str:
    if run["status"] != "running":
        return str(run["status"])
    done = epochs.get(run["trial_key"], 0)
    asked = run["params"].get("train.epochs")
    return f"running, epoch {done} of {asked}" if asked else f"running, epoch {done}"


def _number(value: float | None) -> str:
    return "" if value is None or isnan(value) else f"{value:.1f}"
