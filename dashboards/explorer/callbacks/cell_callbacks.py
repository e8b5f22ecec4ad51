"""The callbacks of the chosen cell: its runs, and the choice of those that the figures show."""

from typing import Any

from dash import Dash, Input, Output, State

from explorer.address import Address
from explorer.callbacks.study_callbacks import choose
from explorer.history_cache import HistoryCache
from explorer.record_store import RecordStore
from explorer.sections.cell_section import cell_heading, matching_runs, run_checklist, run_options
from explorer.study_view import StudyViews
from ftlab.reporting.figures.run_scores import recorded_epochs
from ftlab.tracking.records import HistoryPart

# More curves cannot be told apart; the reader may tick further runs.
MAX_TICKED = 12


def answer_cell(app: Dash, store: RecordStore, views: StudyViews, histories: HistoryCache) -> None:
    """Register the callbacks of the cell's half of the page."""

    @app.callback(
        Output("cell-heading", "children"),
        Output("run-list", "children"),
        Output("chosen-cell", "data"),
        Input("address", "search"),
        Input("version", "data"),
        State("runs", "value"),
        State("runs", "options"),
        State("chosen-cell", "data"),
    )
    def show_runs(
        search: str | None, _: int | None, ticked: list[str] | None, options: list[Any] | None, shown: str | None
    ) -> tuple[Any, ...]:
        snapshot = store.snapshot()
        if snapshot.trials.empty:
            return [], run_checklist("", [], []), None
        chosen = choose(Address.parse(search), snapshot)
        view = views.of(chosen.study, snapshot)
        cell = view.row(chosen.cell).cell
        runs = view.trials_of(cell, snapshot.trials)
        there = list(runs["trial_key"])
        identity = str(chosen.with_cell(cell))
        if identity != shown:
            there = there[:MAX_TICKED]
        else:
            # Ticked runs stay ticked, and runs that have begun since are ticked.
            before = {option["value"] for option in options or []}
            there = [key for key in there if key in (ticked or []) or key not in before]
        running = list(runs.loc[runs["status"] == "running", "trial_key"])
        epochs = recorded_epochs(histories.load(running, HistoryPart.METRICS))
        shown_runs = run_checklist(identity, run_options(runs, view.table.metric, epochs), there)
        return cell_heading(view, cell), shown_runs, identity

    @app.callback(Output("overlay", "options"), Input("overlay", "search_value"), State("overlay", "value"))
    def find_runs(search: str | None, chosen: list[str] | None) -> list[dict[str, str]]:
        return matching_runs(store.snapshot().trials, search or "", chosen or [])
