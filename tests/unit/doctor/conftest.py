import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from ftlab.doctor.surroundings import Surroundings, find_surroundings

WriteExperiment = Callable[..., None]


class FakeServer:
    """What a doctor asks of an MLflow server, on a free port of this machine.

    Attributes:
        login: Status and text that a search for experiments is answered with.
        version: Its version of MLflow.
        seconds_ahead: By how much its clock is ahead.
    """

    def __init__(self) -> None:
        self.login, self.version, self.seconds_ahead = (200, "{}"), "3.17.2", 0.0
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answers = {"/health": (200, "OK"), "/version": (200, fake.version)}
                status, text = answers.get(self.path, fake.login)
                self.send_response_only(status)
                self.send_header("Date", formatdate(time.time() + fake.seconds_ahead, usegmt=True))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()
    yield fake
    fake.close()


@pytest.fixture
def surroundings(write_experiment: WriteExperiment) -> Surroundings:
    """The profile tiny, with FTLAB_HOME and SQLite store in the test's folder, none of them there yet."""
    return find_surroundings("tiny")


@pytest.fixture
def with_server(surroundings: Surroundings, server: FakeServer) -> Surroundings:
    return replace(surroundings, tracking_uri=server.uri)


@pytest.fixture
def home_folder(surroundings: Surroundings) -> Path:
    folder = surroundings.home.local
    folder.mkdir()
    return folder
