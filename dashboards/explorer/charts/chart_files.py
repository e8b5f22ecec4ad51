"""Downloads of the figures on the page: what they show as CSV, and the figures as PDF."""

from collections.abc import Callable

import pandas as pd
from flask import Flask, Response, abort, request

from explorer.address import Address
from explorer.charts.drawn import Drawn
from explorer.charts.run_figures import draw_accuracy, draw_courses, draw_distribution, draw_gradients
from explorer.charts.table_figures import draw_axis, draw_differences
from explorer.history_cache import HistoryCache
from explorer.page_selection import Selection, select
from explorer.record_store import RecordStore
from explorer.study_view import StudyViews

PATH = "/charts"

Draw = Callable[[Selection, HistoryCache, pd.DataFrame], list[Drawn]]

CHARTS: dict[str, Draw] = {
    "axis-chart": lambda chosen, _, __: [draw_axis(chosen.current.view.shown)],
    "accuracy": lambda chosen, histories, _: [draw_accuracy(chosen, histories)],
    "differences": lambda chosen, _, trials: [draw_differences(chosen, trials)],
    "courses": lambda chosen, histories, _: [draw_courses(chosen, histories)],
    "distribution": lambda chosen, histories, _: [draw_distribution(chosen, histories)],
    "gradients": lambda chosen, histories, _: list(draw_gradients(chosen, histories).values()),
}


def draw_all(chosen: Selection, histories: HistoryCache, trials: pd.DataFrame) -> None:
    """Read the histories of a page and draw its figures, so that both are fast later: what they import takes a while.

    Args:
        chosen: What the page shows.
        histories: Keeps the histories.
        trials: All trials of the store.
    """
    for draw in CHARTS.values():
        draw(chosen, histories, trials)


def serve_charts(server: Flask, store: RecordStore, views: StudyViews, histories: HistoryCache) -> None:
    """Serve every figure of the page by the address that shows it; 404 for anything else."""

    @server.get(f"{PATH}/<name>.<kind>")
    def serve_chart(name: str, kind: str) -> Response:
        snapshot = store.snapshot()
        if name not in CHARTS or kind not in ("csv", "pdf") or snapshot.trials.empty:
            abort(404)
        chosen = select(Address.parse(request.query_string.decode()), snapshot, views)
        drawn = CHARTS[name](chosen, histories, snapshot.trials)
        if not drawn:
            abort(404)
        headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
        if kind == "csv":
            return Response(drawn[0].data().to_csv(index=False), mimetype="text/csv", headers=headers)
        from explorer.charts.figure_pdf import figures_pdf  # matplotlib takes half a second to import

        content = figures_pdf([each.figure for each in drawn])
        return Response(content, mimetype="application/pdf", headers=headers)
