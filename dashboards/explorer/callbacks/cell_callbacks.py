"""The callbacks of the chosen cells: their legend, their runs, and their settings."""

from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output, State, html

from explorer.address import Address
from explorer.history_cache import HistoryCache
from explorer.page_selection import Selection, select
from explorer.record_store import RecordStore
from explorer.sections.cell_section import cell_heading, color_key
from explorer.sections.runs_section import overlay_choices, run_choices, run_list
from explorer.sections.settings_section import settings_tables
from explorer.sections.soft_link import soft_link
from explorer.study_view import StudyViews
from ftlab.reporting.figures.run_scores import recorded_epochs
from ftlab.tracking.records import HistoryPart


def answer_cell(app: Dash, store: RecordStore, views: StudyViews, histories: HistoryCache) -> None:
    """Register the callbacks of the cell's half of the page."""

    @app.callback(
        Output("cell-heading", "children"),
        Output("color-key", "children"),
        Output("run-choices", "children"),
        Output("runs", "children"),
        Output("against", "children"),
        Output("cell", "data-search"),
        Output("cell", "data-shown"),
        Input("address", "search"),
        Input("version", "data"),
    )
    def show_runs(search: str | None, _: int | None) -> tuple[Any, ...]:
        snapshot = store.snapshot()
        if snapshot.trials.empty:
            return [], [], [], [], [], "", ""
        chosen = select(Address.parse(search), snapshot, views)
        running = [run.key for run in chosen.runs if run.record["status"] == "running"]
        epochs = recorded_epochs(histories.load(running, HistoryPart.METRICS))
        return (
            cell_heading(chosen),
            color_key(chosen),
            run_choices(chosen),
            run_list(chosen, epochs),
            _against(chosen),
            search or "",
            str(chosen.address),
        )

    @app.callback(
        Output("settings", "children"),
        Input("runs-part", "data"),
        State("address", "search"),
        prevent_initial_call=True,
    )
    def show_settings(_: Any, search: str | None) -> Any:
        snapshot = store.snapshot()
        return settings_tables(select(Address.parse(search), snapshot, views), snapshot.trials)

    @app.callback(Output("overlay-found", "children"), Input("overlay", "value"), Input("address", "search"))
    def find_runs(text: str | None, search: str | None) -> Any:
        snapshot = store.snapshot()
        if snapshot.trials.empty or not text:
            return []
        return overlay_choices(snapshot.trials, text, select(Address.parse(search), snapshot, views).address)


def _against(chosen: Selection) -> Any:
    if len(chosen.cells) < 2:
        return []
    address = chosen.address
    own = soft_link("the baseline of each table", replace(address, against=""), chosen=not address.against)
    cells = [
        soft_link(cell.label, replace(address, against=cell.mark), chosen=cell.mark == address.against)
        for cell in chosen.cells
    ]
    return html.Div([html.Span("Differences to"), own, *cells], className="pick")
