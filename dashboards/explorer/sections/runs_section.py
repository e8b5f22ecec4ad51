"""The runs of the chosen cells: which are shown, and the list of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isnan
from typing import Any

import pandas as pd
from dash import html
from dash.development.base_component import Component

from explorer.address import EACH, Address
from explorer.page_selection import Run, Selection
from explorer.row_filter import sort_key
from explorer.sections.aria import aria
from explorer.sections.cell_section import swatch
from explorer.sections.soft_link import soft_link
from ftlab.reporting.printed.metric_labels import metric_name

MAX_MATCHES = 8
MAX_CHOICES = 24
BLOCK = 10
SHORT = 8


def run_choices(chosen: Selection) -> list[Component]:
    """Return the links that choose runs by seed and status, and how they are drawn."""
    shown, available = chosen.address, chosen.available
    seeds = [str(seed) for seed in sorted(set(available["seed"]))]
    statuses = available["status"].value_counts()
    return [
        _choices("Seeds", [(_span(block), block) for block in _blocks(seeds)], chosen, "seed"),
        _choices(
            "Status", [(f"{status} {count}", [str(status)]) for status, count in statuses.items()], chosen, "status"
        ),
        html.Div(
            [
                html.Span("Drawn as"),
                soft_link("mean over seeds", replace(shown, runs=""), chosen=not chosen.each),
                soft_link("every seed too", replace(shown, runs=EACH), chosen=chosen.each),
            ],
            className="pick",
        ),
    ]


def run_list(chosen: Selection, epochs: Mapping[str, int]) -> list[Component]:
    """Return the table of the runs that are shown.

    Args:
        chosen: What the address chooses.
        epochs: Epochs that the running ones have trained so far, by trial key.
    """
    metric = chosen.current.view.table.metric
    texts = [_texts(run, metric, epochs) for run in chosen.runs]
    rows = list(zip(chosen.runs, texts, strict=True))
    column = chosen.address.order.removeprefix("-")
    if column in ("run", "seed", "status", "value"):
        rows.sort(key=lambda row: sort_key(row[1][column]), reverse=chosen.address.order.startswith("-"))
    heads = {"run": "run", "seed": "seed", "status": "status", "value": metric_name(metric), "id": "MLflow run"}
    left_out = [f"{chosen.left_out:,} more runs are not shown: choose seeds."] if chosen.left_out else []
    return [
        html.Table(
            [
                html.Thead(html.Tr([_head(chosen, name, text) for name, text in heads.items()])),
                html.Tbody([_row(run, found) for run, found in rows]),
            ]
        ),
        *(html.P(text, className="notes") for text in left_out),
    ]


def overlay_choices(trials: pd.DataFrame, search: str, shown: Address) -> list[Component]:
    """Return links to the runs that a search finds by study, name or key; each lays its run over what is shown.

    Args:
        trials: All trials of the store.
        search: Words that must all occur; nothing is found without one.
        shown: What is shown.
    """
    words = search.lower().split()
    if not words:
        return []
    labels = trials["study"] + " · " + trials["name"]
    texts = (labels + " " + trials["trial_key"] + " " + trials["run_id"]).str.lower()
    found = pd.Series(data=True, index=trials.index)
    for word in words:
        found &= texts.str.contains(word, regex=False)
    places = trials.index[found]
    links = [
        soft_link(labels[place], shown.toggled("run", [key]), chosen=key in shown.run)
        for place in places[:MAX_MATCHES]
        if (key := str(trials.at[place, "trial_key"]))
    ]
    more = len(places) - len(links)
    rest = [html.P(f"{more:,} more runs: name a seed, a cell or a study." if links else "No run has these words.")]
    return [html.Ul([html.Li(link) for link in links]), *(rest if more or not links else [])]


def _choices(title: str, choices: Sequence[tuple[str, Sequence[str]]], chosen: Selection, field: str) -> Component:
    now = getattr(chosen.address, field)
    every = soft_link("all", chosen.address.toggled(field, now), chosen=not now, label=f"{title}: all")
    links = [
        soft_link(
            text,
            chosen.address.toggled(field, values),
            chosen={*values} <= {*now},
            label=f"{title}: {text}",
        )
        for text, values in choices
    ]
    return html.Div([html.Span(title), every, *links], className="pick")


def _blocks(seeds: Sequence[str]) -> list[Sequence[str]]:
    size = 1 if len(seeds) <= MAX_CHOICES else BLOCK
    return [seeds[start : start + size] for start in range(0, len(seeds), size)]


def _span(seeds: Sequence[str]) -> str:
    return seeds[0] if len(seeds) == 1 else f"{seeds[0]}-{seeds[-1]}"


def _head(chosen: Selection, name: str, text: str) -> Component:
    numeric = "number" if name in ("seed", "value") else ""
    if name == "id":
        return html.Th(text, scope="col")
    now = chosen.address.order
    link = soft_link(text, replace(chosen.address, order=f"-{name}" if now == name else name), name="sort")
    sorted_ = {name: "ascending", f"-{name}": "descending"}.get(now, "none")
    return aria(html.Th(link, scope="col", className=numeric), sort=sorted_)


def _row(run: Run, texts: Mapping[str, Any]) -> Component:
    record = run.record
    identity = html.Code(record["run_id"][:SHORT], title=f"MLflow run {record['run_id']}, trial {run.key}")
    return html.Tr(
        [
            html.Th([swatch(run.place, thin=True), texts["run"]], scope="row"),
            html.Td(texts["seed"], className="number"),
            html.Td(texts["status"], className=f"status {record['status']}", title=record["reason"]),
            html.Td(texts["value"], className="number"),
            html.Td(identity),
        ]
    )


def _texts(run: Run, metric: str, epochs: Mapping[str, int]) -> dict[str, Any]:
    record = run.record
    name = str(record["name"]).rpartition(" seed ")[0] or str(record["name"])
    value = record.get(metric)
    number = "" if value is None or isnan(value) else f"{value:.1f}"
    return {
        "run": run.group or name,
        "seed": record["seed"],
        "status": _status(record, epochs),
        "value": number,
    }


def _status(run: Mapping[str, Any], epochs: Mapping[str, int]) -> str:
    if run["status"] != "running":
        return str(run["status"])
    done = epochs.get(run["trial_key"], 0)
    asked = run["params"].get("train.epochs")
    return f"running, epoch {done} of {asked}" if asked else f"running, epoch {done}"
