"""The application: its page, its callbacks, and its files."""

from pathlib import Path

from dash import Dash

from explorer.callbacks.cell_callbacks import answer_cell
from explorer.callbacks.chart_callbacks import answer_charts
from explorer.callbacks.study_callbacks import answer_study
from explorer.charts.chart_files import serve_charts
from explorer.downloads import serve_files
from explorer.guard import guard
from explorer.history_cache import HistoryCache
from explorer.record_store import RecordStore
from explorer.sections.page import make_page
from explorer.study_view import StudyViews
from ftlab.reporting.pages.report import page_style_sheet

INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
{%metas%}
<title>{%title%}</title>
{%favicon%}
{%css%}
<style>PAGE_STYLE</style>
</head>
<body>
{%app_entry%}
<noscript>The explorer needs JavaScript.</noscript>
<footer>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>
"""


def make_app(store: RecordStore, views: StudyViews, histories: HistoryCache) -> Dash:
    """Return the application that shows a store; its ``server`` is a WSGI application.

    Args:
        store: The store that the page shows.
        views: Cache of computed tables.
        histories: Cache of the histories of runs.
    """
    app = Dash(
        "explorer",
        title="ftlab score explorer",
        update_title="",
        assets_folder=str(Path(__file__).parent / "assets"),
        index_string=INDEX.replace("PAGE_STYLE", page_style_sheet()),
        serve_locally=True,
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "color-scheme", "content": "light dark"},
        ],
    )
    guard(app.server)
    serve_files(app.server, store)
    serve_charts(app.server, store, views, histories)
    app.layout = make_page()
    answer_study(app, store, views)
    answer_cell(app, store, views, histories)
    answer_charts(app, store, views, histories)
    return app
