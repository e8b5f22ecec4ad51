"""The commands that serve pages to this machine: ui and dashboard."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from ftlab.cli.options import Port
from ftlab.config.home import ftlab_home
from ftlab.engine.stopping import stopped_as_by_ctrl_c
from ftlab.errors import TrackingError
from ftlab.machine.ports import require_free_port
from ftlab.terminal.console import console
from ftlab.terminal.phase import phase
from ftlab.tracking.opening import UI_PORT, open_tracker, page_link
from ftlab.tracking.tracking_uri import SERVERS, sqlite_path, uri_in_folder

app = typer.Typer()

_POLL_SECONDS, _ENDING_SECONDS = 0.2, 10.0


@app.command()
def ui(
    experiment: Annotated[str | None, typer.Argument(help="Experiment to link to.")] = None, port: Port = UI_PORT
) -> None:
    """Serve MLflow's pages on 127.0.0.1 until Ctrl-C, and print the link to the experiment."""
    tracker = open_tracker(ftlab_home().local)
    is_server = tracker.uri.startswith(SERVERS)
    if not is_server:
        require_free_port(port)
    link, base = page_link(tracker, experiment, port=port), page_link(tracker, None, port=port)
    if is_server:
        console.print(link, soft_wrap=True)
        return
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri_in_folder(tracker.uri)]
    command += ["--artifacts-destination", str(Path("mlartifacts").absolute())]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--allowed-hosts", f"127.0.0.1:{port},localhost:{port}"]
    # The job runner takes three quarters of the server's memory, and nothing here uses it.
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    folder = sqlite_path(tracker.uri)
    surroundings = {**environment, **os.environ}
    with _serving(command, folder and folder.parent, surroundings) as server:
        if port:  # 0 is any free port, which MLflow names itself
            with phase("starting MLflow"):
                _wait_for_answer(server, base)
        if server.poll() is None:
            console.print(link, soft_wrap=True)
        raise typer.Exit(server.wait())


@app.command()
def dashboard(port: Port = 8050) -> None:
    """Serve the score explorer on 127.0.0.1 until Ctrl-C, and print its link."""
    require_free_port(port)
    with _serving([sys.executable, "-m", "explorer", "--port", str(port)], stdout=subprocess.PIPE) as server:
        told = server.stdout or ()
        with phase("starting the explorer"):
            # It prints its link when it answers.
            link = next(iter(told), b"")
        console.print(link.decode().strip(), soft_wrap=True)
        raise typer.Exit(server.wait())


@contextmanager
def _serving(
    command: Sequence[str],
    folder: Path | None = None,
    surroundings: Mapping[str, str] | None = None,
    stdout: int | None = None,
) -> "Iterator[subprocess.Popen[bytes]]":
    """Run a server, and end it and the processes that it started with Ctrl-C, SIGTERM and SIGHUP."""
    with (
        stopped_as_by_ctrl_c(),
        subprocess.Popen(  # noqa: S603 - fixed arguments
            command, cwd=folder, env=surroundings, stdout=stdout, start_new_session=True
        ) as server,
    ):
        try:
            yield server
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
        finally:
            _end(server)


def _end(server: "subprocess.Popen[bytes]") -> None:
    # MLflow's own process leaves its workers behind when it is ended alone.
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(_ENDING_SECONDS)


def _wait_for_answer(server: "subprocess.Popen[bytes]", uri: str) -> None:
    from ftlab.tracking.mlflow.store_health import ask_health

    while server.poll() is None:
        with suppress(TrackingError):
            ask_health(uri)
            return
        time.sleep(_POLL_SECONDS)
