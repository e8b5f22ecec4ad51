"""The callbacks of the page's frame and table, which refresh when something new is recorded or chosen."""

from dataclasses import replace
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update
from dash.exceptions import PreventUpdate

from explorer.address import Address
from explorer.charts.table_figures import draw_axis
from explorer.page_selection import Selection, select
from explorer.record_store import RecordStore, Snapshot
from explorer.sections.page import PARTS
from explorer.sections.page_text import FILL, page_text
from explorer.sections.study_section import (
    navigation,
    nothing_to_show,
    search_field,
    status_line,
    study_heading,
    study_notes,
    study_table,
)
from explorer.study_view import StudyViews, study_names


def answer_study(app: Dash, store: RecordStore, views: StudyViews) -> None:
    """Register the callbacks of the page's frame and of its table."""

    @app.callback(
        Output("version", "data"), Output("status", "children"), Input("pulse", "n_intervals"), State("version", "data")
    )
    def pulse(_: int | None, shown: int | None) -> tuple[Any, Any]:
        snapshot = store.snapshot()
        return no_update if snapshot.version == shown else snapshot.version, status_line(snapshot)

    @app.callback(
        Output("message", "children"),
        Output("content", "hidden"),
        Output("study-text", "data"),
        Input("address", "search"),
        Input("version", "data"),
    )
    def show_study(search: str | None, _: int | None) -> tuple[Any, ...]:
        snapshot = store.snapshot()
        message = nothing_to_show(snapshot)
        if snapshot.trials.empty:
            return message, True, no_update
        chosen = select(Address.parse(search), snapshot, views)
        parts = {
            "studies": navigation(study_names(snapshot.trials), chosen.address),
            "study-heading": study_heading(chosen),
            "table": study_table(chosen, snapshot.trials),
            "study-notes": study_notes(chosen),
        }
        return message, False, page_text(parts, "study", search, chosen.address)

    app.clientside_callback(FILL, Input("study-text", "data"))  # type: ignore[no-untyped-call]

    # In the page, so that figures need not wait for an answer.
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("explorer", "chooseParts"),
        *(Output(part, "data") for part in (*PARTS, "find-part", "overlay-part")),
        Input("address", "search"),
        Input("version", "data"),
        Input("overlay", "value"),
        State("part-choices", "data"),
        *(State(part, "data") for part in (*PARTS, "find-part", "overlay-part")),
    )

    @app.callback(
        Output("axis-chart", "figure"),
        Input("study-part", "data"),
        State("address", "search"),
        prevent_initial_call=True,
    )
    def show_axis(_: Any, search: str | None) -> Any:
        snapshot = store.snapshot()
        study = chosen_by(search, snapshot, views).address.study
        return draw_axis(views.of(study, snapshot).shown).figure.update_layout(uirevision=study)

    @app.callback(
        Output("find-place", "children"),
        Input("find-part", "data"),
        State("address", "search"),
        State("find", "value"),
        prevent_initial_call=True,
    )
    def show_search(_: Any, search: str | None, there: str | None) -> Any:
        asked = Address.parse(search).find
        return no_update if asked == (there or "") else search_field(asked)

    @app.callback(
        Output("address", "search", allow_duplicate=True),
        Input("find", "value"),
        State("address", "search"),
        prevent_initial_call=True,
    )
    def find_rows(text: str | None, search: str | None) -> Any:
        return changed(Address.parse(search), find=text or "")


def chosen_by(search: str | None, snapshot: Snapshot, views: StudyViews) -> Selection:
    """Return what the query of an address chooses in a reading of the store.

    Raises:
        PreventUpdate: The store has no trial, so that there is nothing to choose.
    """
    if snapshot.trials.empty:
        raise PreventUpdate
    return select(Address.parse(search), snapshot, views)


def changed(address: Address, **choices: Any) -> Any:
    """Return the query of an address with other choices; nothing new if they are its own."""
    asked = replace(address, **choices)
    return no_update if asked == address else str(asked).removeprefix("/")
