"""A server whose answers get lost."""

import json
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from ftlab.errors import TrackingError
from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker
from ftlab.tracking.records import StudyRecord

Serve = Callable[[type[BaseHTTPRequestHandler]], str]

EXPERIMENT = {"experiment_id": "1", "name": "exp", "lifecycle_stage": "active", "tags": []}


class LossyServer:
    """Does what it is asked for, and hangs up instead of answering requests that are marked.

    Attributes:
        requests: Number of requests by the end of their path.
        lost: Answers to be lost, by the end of the path.
    """

    def __init__(self, serve: Serve) -> None:
        self.requests: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._handle()

            def do_POST(self) -> None:
                self._handle()

            def _handle(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                verb = self.path.partition("?")[0].partition("/mlflow/")[2]
                owner.requests[verb] += 1
                if owner.lost[verb] > 0:
                    owner.lost[verb] -= 1
                    self.close_connection = True
                    return
                content = {"experiments": [EXPERIMENT]} if verb == "experiments/search" else {"experiment": EXPERIMENT}
                body = json.dumps({} if verb.startswith("runs/") else content).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.uri = serve(Handler)


@pytest.fixture
def server(serve: Serve) -> LossyServer:
    return LossyServer(serve)


def test_a_run_is_not_created_again_because_an_answer_was_lost(server: LossyServer) -> None:
    tracker = MlflowTracker(server.uri)
    server.lost["runs/create"] = 1
    with pytest.raises(TrackingError, match="must answer and take records"):
        tracker.open_study(StudyRecord("exp", "exp/tiny"))
    assert server.requests["runs/create"] == 1


def test_a_question_is_asked_again_because_an_answer_was_lost(
    server: LossyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ftlab.tracking.mlflow.connection.PAUSE_SECONDS", 0.0)
    tracker = MlflowTracker(server.uri)
    server.lost["runs/search"] = 1
    assert tracker.load_trials().empty
    assert server.requests["runs/search"] == 2
