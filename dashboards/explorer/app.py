"""The application: its page, what its parts answer, and the files beside it."""

from pathlib import Path

from dash import Dash

from explorer.downloads import serve_files
from explorer.guard import guard
from explorer.page import make_page
from explorer.record_store import RecordStore
from explorer.study_callbacks import answer_study

INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
{%metas%}
<title>{%title%}</title>
{%favicon%}
{%css%}
</head>
<body>
{%app_entry%}
<noscript>The explorer needs JavaScript.</noscript>
<footer>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>
"""


def make_app(store: RecordStore) -> Dash:
    """Return the application that shows a store; ``server`` of it is a WSGI application.

    Args:
        store: What the page shows.
    """
    app = Dash(
        "explorer",
        title="ftlab score explorer",
        update_title="",
        assets_folder=str(Path(__file__).parent / "assets"),
        index_string=INDEX,
        serve_locally=True,
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "color-scheme", "content": "light dark"},
        ],
    )
    guard(app.server)
    serve_files(app.server, store)
    app.layout = make_page()
    answer_study(app, store)
    return app
