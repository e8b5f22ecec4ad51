"""Serve optuna-dashboard to this machine only."""

from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import optuna_dashboard
from optuna.storages import RDBStorage

from ftlab.machine.ports import require_free_port
from ftlab.search.storage import answering

HOST = "127.0.0.1"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _ThreadedServer(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Log nothing, because the page sends requests every few seconds."""


def make_dashboard(storage: RDBStorage, port: int) -> WSGIServer:
    """Return the server of the dashboard on 127.0.0.1; its content policy lets pages load nothing from elsewhere.

    Args:
        storage: The open database of searches.
        port: Port; 0 chooses a free one.

    Raises:
        FtlabError: The port is taken.
    """
    require_free_port(port)
    application = optuna_dashboard.wsgi(storage)
    server = make_server(HOST, port, application, server_class=_ThreadedServer, handler_class=_QuietHandler)
    # A page of another site, whose name points at 127.0.0.1, may not read or delete searches.
    server.set_app(_guarded(application, {f"{name}:{server.server_port}" for name in (HOST, "localhost")}))
    return server


def dashboard_path(storage: RDBStorage, search: str | None) -> str:
    """Return the path of a search's page, or of the list of all searches if it has not exactly one study."""
    with answering(storage):
        studies = storage.get_all_studies()
    found = [study for study in studies if search and study.study_name.startswith(f"{search}/")]
    return f"/dashboard/studies/{found[0]._study_id}" if len(found) == 1 else "/dashboard"


def _guarded(application: Application, hosts: set[str]) -> Application:
    def call(environment: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environment.get("HTTP_HOST") not in hosts:
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"This page is served to this machine alone.\n"]
        return application(environment, start_response)

    return call
