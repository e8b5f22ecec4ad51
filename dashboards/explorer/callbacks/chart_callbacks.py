"""The callbacks of the figures of the chosen runs, and of their health marks."""

from typing import Any

from dash import Dash, Input, Output, State
from dash.development.base_component import Component

from explorer.address import Address
from explorer.callbacks.study_callbacks import choose
from explorer.history_cache import HistoryCache
from explorer.record_store import RecordStore
from explorer.run_choice import RunChoice
from explorer.sections.health_section import health_list
from explorer.sections.page import graph
from explorer.study_view import StudyViews
from ftlab.reporting.figures.gradient_landscape import GradientLandscape, gradient_landscape
from ftlab.reporting.figures.histories import Histories
from ftlab.reporting.figures.run_scores import run_courses, score_distributions_at
from ftlab.reporting.pages.gradient_chart import gradient_charts
from ftlab.reporting.pages.run_charts import courses_chart, distribution_chart
from ftlab.study.recorded_params import recorded_ft_start
from ftlab.tracking.records import HistoryPart
from ftlab.tracking.score_history import history_frame

RUNS = (Input("runs", "value"), Input("overlay", "value"), Input("version", "data"))


def answer_charts(app: Dash, store: RecordStore, views: StudyViews, histories: HistoryCache) -> None:
    """Register the callbacks of the figures and of the health marks."""

    @app.callback(Output("courses", "figure"), Output("health", "children"), *RUNS)
    def show_courses(ticked: list[str] | None, overlaid: list[str] | None, _: int | None) -> tuple[Any, Any]:
        runs = RunChoice.of(store.snapshot().trials, ticked, overlaid)
        metrics = histories.load(runs.keys, HistoryPart.METRICS)
        figure = courses_chart(run_courses(metrics, runs.labels)).update_layout(uirevision="courses")
        steps = histories.load(runs.keys[:1], HistoryPart.STEPS)
        return figure, health_list(runs, metrics, steps)

    @app.callback(
        Output("epoch", "min"),
        Output("epoch", "max"),
        Output("epoch", "value"),
        Output("distribution-part", "hidden"),
        *RUNS,
        State("epoch", "value"),
        State("epoch", "max"),
    )
    def place_slider(
        ticked: list[str] | None, overlaid: list[str] | None, _: int | None, epoch: int, last: int
    ) -> tuple[Any, ...]:
        runs = RunChoice.of(store.snapshot().trials, ticked, overlaid)
        recorded = histories.load(runs.keys, HistoryPart.HISTOGRAMS)["epoch"]
        if recorded.empty:
            return 1, last, epoch, True
        low, high = int(recorded.min()), int(recorded.max())
        # The slider stays where it is; at the end it follows a run that goes on.
        return low, high, high if epoch >= last else min(max(epoch, low), high), False

    @app.callback(Output("distribution", "figure"), Input("epoch", "value"), *RUNS)
    def show_distribution(
        epoch: int | None, ticked: list[str] | None, overlaid: list[str] | None, _: int | None
    ) -> Any:
        runs = RunChoice.of(store.snapshot().trials, ticked, overlaid)
        histograms = histories.load(runs.keys, HistoryPart.HISTOGRAMS)
        distributions = score_distributions_at(histograms, runs.labels, epoch or 1)
        return distribution_chart(distributions, epoch or 1).update_layout(uirevision="distribution")

    @app.callback(
        Output("landscape", "children"), Output("landscape-part", "hidden"), *RUNS, State("address", "search")
    )
    def show_landscape(
        ticked: list[str] | None, overlaid: list[str] | None, _: int | None, search: str | None
    ) -> tuple[list[Component], bool]:
        snapshot = store.snapshot()
        runs = RunChoice.of(snapshot.trials, ticked, overlaid)
        norms = histories.load(runs.keys, HistoryPart.GRADIENT_NORMS)
        if norms.empty:
            return [], True
        table = views.of(choose(Address.parse(search), snapshot).study, snapshot).table
        nothing = {part: history_frame({}, part) for part in HistoryPart}
        found = gradient_landscape(
            table,
            Histories(
                metrics=nothing[HistoryPart.METRICS],
                steps=nothing[HistoryPart.STEPS],
                gradient_norms=norms,
                histograms=nothing[HistoryPart.HISTOGRAMS],
                ft_starts={key: recorded_ft_start(runs.settings[key]) for key in runs.keys},
            ),
        )
        if not isinstance(found, GradientLandscape):
            return [], True
        charts = zip(found.panels, gradient_charts(found), strict=True)
        return [
            graph(f"landscape-{panel.cell}", f"Gradient norms, {panel.label}", drawn) for panel, drawn in charts
        ], False
