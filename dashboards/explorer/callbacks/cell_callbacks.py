"""The callbacks of the chosen cells: their legend, their runs, and their settings."""

from dataclasses import replace
from typing import Any

from dash import Dash, Input, Output, State, html

from explorer.callbacks.study_callbacks import chosen_by
from explorer.history_cache import HistoryCache
from explorer.page_selection import Selection
from explorer.record_store import RecordStore
from explorer.sections.cell_section import cell_heading, color_key
from explorer.sections.page_text import FILL, page_text
from explorer.sections.runs_section import overlay_choices, run_choices, run_list
from explorer.sections.settings_section import settings_tables
from explorer.sections.soft_link import soft_link
from explorer.study_view import StudyViews
from ftlab.reporting.figures.run_scores import recorded_epochs
from ftlab.tracking.records import HistoryPart


def answer_cell(app: Dash, store: RecordStore, views: StudyViews, histories: HistoryCache) -> None:
    """Register the callbacks of the cell's half of the page."""

    @app.callback(Output("cell-text", "data"), Input("address", "search"), Input("version", "data"))
    def show_runs(search: str | None, _: int | None) -> Any:
        chosen = chosen_by(search, store.snapshot(), views)
        running = [run.key for run in chosen.runs if run.record["status"] == "running"]
        epochs = recorded_epochs(histories.load(running, HistoryPart.METRICS))
        parts = {
            "cell-heading": cell_heading(chosen),
            "color-key": color_key(chosen),
            "run-choices": run_choices(chosen),
            "runs": run_list(chosen, epochs),
            "against": _against(chosen),
        }
        return page_text(parts, "cell", search, chosen.address)

    @app.callback(
        Output("settings-text", "data"),
        Input("runs-part", "data"),
        State("address", "search"),
        prevent_initial_call=True,
    )
    def show_settings(_: Any, search: str | None) -> Any:
        snapshot = store.snapshot()
        chosen = chosen_by(search, snapshot, views)
        tables = settings_tables(chosen, snapshot.trials)
        # Of a place of its own: these may come later than the links of the next choice.
        return page_text({"settings": tables}, "settings", search, chosen.address)

    for name in ("cell-text", "settings-text"):
        app.clientside_callback(FILL, Input(name, "data"))  # type: ignore[no-untyped-call]

    @app.callback(
        Output("overlay-found", "children"),
        Input("overlay-part", "data"),
        State("overlay", "value"),
        State("address", "search"),
        prevent_initial_call=True,
    )
    def find_runs(_: Any, text: str | None, search: str | None) -> Any:
        if not text:
            return []
        snapshot = store.snapshot()
        return overlay_choices(snapshot.trials, text, chosen_by(search, snapshot, views).address)


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
