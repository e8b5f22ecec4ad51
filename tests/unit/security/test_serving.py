"""Every server serves only this machine, under its own name, and is started without a shell."""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import explorer.__main__ as explorer
from ftlab.cli.command_line import app
from ftlab.tracking.memory_tracker import MemoryTracker

Answer = Callable[..., Any]


def test_mlflows_pages_are_served_to_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[list[str], dict[str, Any]]] = []
    store = SimpleNamespace(uri="sqlite:////x/mlflow.db", find_experiment_id={}.get)
    monkeypatch.setattr("ftlab.cli.serve_command.open_tracker", lambda _: store)

    class Ended(nullcontext[Any]):
        """A server that has ended already."""

        pid = -1

        def __init__(self, command: list[str], **options: Any) -> None:
            super().__init__(self)
            calls.append((command, options))

        def poll(self) -> int:
            return 0

        wait = poll

    monkeypatch.setattr("ftlab.cli.serve_command.subprocess.Popen", Ended)
    monkeypatch.setattr("ftlab.cli.serve_command._end", lambda _: None)
    CliRunner().invoke(app, ["ui", "$(id)", "--port", "5123"])
    [(command, options)] = calls
    assert command[: command.index("server")] == [sys.executable, "-m", "mlflow"]
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--allowed-hosts") + 1] == "127.0.0.1:5123,localhost:5123"
    assert not options.get("shell")
    assert options["env"]["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_the_explorer_is_served_to_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[str] = []

    def refuse(host: str, *_: object, **__: object) -> None:
        bound.append(host)
        raise SystemExit

    monkeypatch.setattr(sys, "argv", ["explorer"])
    monkeypatch.setattr(explorer, "open_tracker", lambda _: MemoryTracker())
    monkeypatch.setattr(explorer, "make_server", refuse)
    assert explorer.main() == 1
    assert bound == ["127.0.0.1"]
