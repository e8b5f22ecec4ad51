"""The callbacks of the page's frame and table, which refresh when something new is recorded or chosen."""

from typing import Any

from dash import Dash, Input, Output, State, no_update

from explorer.address import Address
from explorer.record_store import RecordStore, Snapshot
from explorer.sections.study_section import navigation, nothing_to_show, status_line, study_table
from explorer.study_view import StudyViews, study_names
from ftlab.reporting.figures.axis_figure import axis_figure
from ftlab.reporting.pages.axis_chart import axis_chart


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
        Output("studies", "children"),
        Output("table", "children"),
        Output("axis-chart", "figure"),
        Input("address", "search"),
        Input("version", "data"),
    )
    def show_study(search: str | None, _: int | None) -> tuple[Any, ...]:
        snapshot = store.snapshot()
        message = nothing_to_show(snapshot)
        if snapshot.trials.empty:
            return message, True, [], [], no_update
        chosen = choose(Address.parse(search), snapshot)
        view = views.of(chosen.study, snapshot)
        chosen = chosen.with_cell(view.row(chosen.cell).cell)
        figure = axis_chart(axis_figure(view.table)).update_layout(uirevision=chosen.study)
        table = study_table(view, chosen, snapshot.trials)
        return message, False, navigation(study_names(snapshot.trials), chosen), table, figure


def prepare_first_view(store: RecordStore, views: StudyViews) -> None:
    """Compute the table that a page without a query shows, if the store answers and holds one."""
    snapshot = store.snapshot()
    if not snapshot.trials.empty:
        views.of(choose(Address(), snapshot).study, snapshot)


def choose(asked: Address, snapshot: Snapshot) -> Address:
    """Return the address that is shown: the given one if the store has its study, else the nearest."""
    names = study_names(snapshot.trials)
    experiment = asked.experiment if asked.experiment in names else next(iter(names))
    profiles = names[experiment]
    profile = asked.profile if asked.profile in profiles else profiles[0]
    return Address(experiment, profile, asked.cell)
