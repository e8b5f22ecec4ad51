"""The callbacks of the figures of the chosen runs, and of their health marks."""

import threading
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from explorer.address import Address
from explorer.callbacks.study_callbacks import changed, chosen_by
from explorer.charts.drawn import Drawn
from explorer.charts.run_figures import (
    draw_accuracy,
    draw_courses,
    draw_distribution,
    draw_gradients,
    recorded_span,
    shown_epoch,
)
from explorer.charts.table_figures import draw_differences
from explorer.history_cache import HistoryCache
from explorer.record_store import RecordStore
from explorer.sections.chart_part import FIXED, epoch_slider
from explorer.sections.health_section import health_list
from explorer.sections.page import FIGURE_PARTS
from explorer.study_view import StudyViews
from ftlab.tracking.records import HistoryPart

DIFFERENCES, RUNS, CURVES = ((Input(part, "data"), State("address", "search")) for part in FIGURE_PARTS)


def answer_charts(app: Dash, store: RecordStore, views: StudyViews, histories: HistoryCache) -> None:
    """Register the callbacks of the figures and of the health marks."""
    in_turn = partial(_in_turn, threading.Lock())

    @app.callback(
        Output("accuracy", "figure"),
        Output("accuracy-part", "hidden"),
        Output("courses", "figure"),
        *CURVES,
        prevent_initial_call=True,
    )
    @in_turn
    def show_courses(_: Any, search: str | None) -> tuple[Any, ...]:
        chosen = chosen_by(search, store.snapshot(), views)
        accuracy, courses = draw_accuracy(chosen, histories), draw_courses(chosen, histories)
        return _kept(accuracy, "accuracy"), not accuracy.figure.data, _kept(courses, "courses")

    @app.callback(Output("health", "children"), *RUNS, prevent_initial_call=True)
    @in_turn
    def show_health(_: Any, search: str | None) -> Any:
        chosen = chosen_by(search, store.snapshot(), views)
        metrics = histories.load(chosen.keys, HistoryPart.METRICS)
        return health_list(chosen.runs, metrics, histories.load(chosen.keys[:1], HistoryPart.STEPS))

    @app.callback(
        Output("differences", "figure"),
        Output("differences-note", "children"),
        Output("differences-part", "hidden"),
        *DIFFERENCES,
        prevent_initial_call=True,
    )
    def show_differences(_: Any, search: str | None) -> tuple[Any, ...]:
        snapshot = store.snapshot()
        drawn = draw_differences(chosen_by(search, snapshot, views), snapshot.trials)
        lines = drawn.data()
        return drawn.figure, drawn.note, bool(lines.empty or lines["is_baseline"].all())

    @app.callback(
        Output("distribution", "figure"),
        Output("slider", "children"),
        Output("distribution-part", "hidden"),
        *RUNS,
        Input("epoch-part", "data"),
        State("epoch", "value"),
        State("epoch", "min"),
        State("epoch", "max"),
        prevent_initial_call=True,
    )
    @in_turn
    def show_distribution(_: Any, search: str | None, __: Any, *there: Any) -> tuple[Any, Any, bool]:
        chosen = chosen_by(search, store.snapshot(), views)
        figure = _kept(draw_distribution(chosen, histories), "distribution")
        first, last = recorded_span(chosen, histories)
        now = shown_epoch(chosen.address.epoch, first, last)
        if [str(now), str(first), str(last)] == [str(part) for part in there]:
            return figure, no_update, False
        return figure, epoch_slider(first, last, now), last == 0

    @app.callback(
        Output("address", "search", allow_duplicate=True),
        Input("epoch", "value"),
        State("epoch", "max"),
        State("address", "search"),
        prevent_initial_call=True,
    )
    def choose_epoch(epoch: Any, last: Any, search: str | None) -> Any:
        # The last epoch has no number, so that the figure follows a run that goes on.
        return changed(Address.parse(search), epoch="" if epoch is None or str(epoch) == str(last) else str(epoch))

    @app.callback(
        Output("gradients-drawn", "data"), Output("gradients-part", "hidden"), *RUNS, prevent_initial_call=True
    )
    @in_turn
    def show_gradients(_: Any, search: str | None) -> tuple[Any, bool]:
        drawn = draw_gradients(chosen_by(search, store.snapshot(), views), histories)
        panels = [{"label": f"Gradient norms, {label}", "figure": panel.figure} for label, panel in drawn.items()]
        return {"place": "gradients", "panels": panels, "config": FIXED}, not drawn

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("explorer", "drawPanels"), Input("gradients-drawn", "data"), prevent_initial_call=True
    )


def _in_turn(turn: threading.Lock, show: Callable[..., Any]) -> Callable[..., Any]:
    """Let a callback wait for the others of its turn.

    The page asks for all that is made of histories at once. Side by side each would take as long as all; so the first
    figure is drawn in the browser while the next is made here.
    """

    @wraps(show)
    def wait_and_show(*given: Any) -> Any:
        with turn:
            return show(*given)

    return wait_and_show


def _kept(drawn: Drawn, name: str) -> Any:
    """Return a figure that keeps the reader's zoom when its data change."""
    return drawn.figure.update_layout(uirevision=name)
