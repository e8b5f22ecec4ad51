import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from ftlab.doctor.surroundings import Surroundings, find_surroundings

WriteExperiment = Callable[..., None]
Serve = Callable[[type[BaseHTTPRequestHandler]], str]


class FakeServer:
    """A fake MLflow server for the doctor's queries, on a free port of this machine.

    Attributes:
        login: Status and text that a search for experiments is answered with.
        version: Its version of MLflow.
        seconds_ahead: By how much its clock is ahead.
    """

    def __init__(self, serve: Serve) -> None:
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

        self.uri = serve(Handler)


@pytest.fixture
def server(serve: Serve) -> FakeServer:
    return FakeServer(serve)


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
