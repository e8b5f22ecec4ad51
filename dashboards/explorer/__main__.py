"""Serve the explorer: ``python -m explorer --port 8050``."""

import argparse
import sys
from contextlib import suppress
from threading import Thread

from werkzeug.serving import WSGIRequestHandler, make_server

from explorer.record_store import RecordStore
from ftlab.config.home import ftlab_home
from ftlab.tracking.opening import open_tracker
from ftlab.tracking.tracking_uri import store_state

HOST = "127.0.0.1"


class _QuietHandler(WSGIRequestHandler):
    """Logs errors, but not every request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""


def main() -> int:
    """Serve until Ctrl-C; return the exit status."""
    parser = argparse.ArgumentParser(prog="explorer", description="Serve the score explorer on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=8050)
    port = parser.parse_args().port
    store = RecordStore(lambda: open_tracker(ftlab_home().local), lambda: store_state(ftlab_home().local))
    store.refresh()
    # The store is read while Dash and Plotly are imported.
    from explorer.address import Address
    from explorer.app import make_app
    from explorer.charts.chart_files import draw_all
    from explorer.history_cache import HistoryCache
    from explorer.page_selection import select
    from explorer.study_view import StudyViews

    views, histories = StudyViews(), HistoryCache(store)
    app = make_app(store, views, histories)
    try:
        server = make_server(HOST, port, app.server, threaded=True, request_handler=_QuietHandler)
    except SystemExit:  # werkzeug has said that the port is taken
        return 1
    # A link that is printed can be opened at once: the store is read and the first table computed. Its figures are
    # drawn while the browser reads the page's scripts.
    snapshot = store.snapshot()
    first_view = None if snapshot.trials.empty else select(Address(), snapshot, views)
    sys.stdout.write(f"http://{HOST}:{server.port}\n")
    sys.stdout.flush()
    if first_view is not None:
        Thread(target=draw_all, args=(first_view, histories, snapshot.trials), daemon=True).start()
    with suppress(KeyboardInterrupt):
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
