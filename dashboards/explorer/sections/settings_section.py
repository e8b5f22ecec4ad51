"""The settings of the chosen cells and runs beside those of the baseline."""

from collections.abc import Mapping

import pandas as pd
from dash import html
from dash.development.base_component import Component

from explorer.page_selection import Selection
from ftlab.study.recorded_params import params_in_effect

NONE = "-"
SEED = "seed"


def settings_tables(chosen: Selection, trials: pd.DataFrame) -> list[Component]:
    """Return the settings that differ between the baseline and what is shown, and all of them folded away.

    Args:
        chosen: What the address chooses.
        trials: All trials of the store.
    """
    columns = _columns(chosen, trials)
    names = list(dict.fromkeys(name for settings in columns.values() for name in settings if name != SEED))
    differ = [name for name in names if len({settings.get(name) for settings in columns.values()}) > 1]
    same = "No setting differs." if len(columns) > 1 else "There is nothing to compare with."
    return [
        _table(columns, differ) if differ else html.P(same, className="quiet"),
        html.Details(
            [html.Summary(f"All {len(names)} settings"), _table(columns, sorted(names), set(differ))],
        ),
    ]


def _columns(chosen: Selection, trials: pd.DataFrame) -> dict[str, Mapping[str, str]]:
    recorded = dict(zip(trials["cell_key"], trials["params"], strict=True))
    view, found = chosen.current.view, {}
    baseline = view.row(chosen.current.name).baseline
    shown = {cell.key for cell in chosen.cells}
    if baseline is not None and (key := view.cell_keys[baseline]) in recorded and key not in shown:
        found[f"{baseline} (baseline)"] = recorded[key]
    found |= {
        f"{cell.label} (baseline)" if cell.name == baseline and cell.view is view else cell.label: recorded[cell.key]
        for cell in chosen.cells
        if cell.key in recorded
    }
    found |= {run.label: run.settings for run in chosen.runs if run.record["cell_key"] not in shown}
    return {label: params_in_effect(params) for label, params in found.items()}


def _table(columns: Mapping[str, Mapping[str, str]], names: list[str], marked: set[str] | None = None) -> Component:
    head = html.Tr([html.Th("setting", scope="col"), *(html.Th(label, scope="col") for label in columns)])
    rows = [
        html.Tr(
            [html.Th(name, scope="row"), *(html.Td(settings.get(name, NONE)) for settings in columns.values())],
            className="differs" if marked and name in marked else "",
        )
        for name in names
    ]
    return html.Div(html.Table([html.Thead(head), html.Tbody(rows)]), className="scroll", tabIndex=0)
