"""The commands that serve pages to this machine: ui and dashboard."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from ftlab.cli.options import Port
from ftlab.config.home import ftlab_home
from ftlab.credentials import without_credentials
from ftlab.machine.ports import require_free_port
from ftlab.terminal.console import console
from ftlab.tracking.opening import open_tracker
from ftlab.tracking.tracking_uri import SERVERS, sqlite_path, uri_in_folder

app = typer.Typer()


@app.command()
def ui(
    experiment: Annotated[str | None, typer.Argument(help="Experiment to link to.")] = None, port: Port = 5000
) -> None:
    """Serve MLflow's pages on 127.0.0.1 until Ctrl-C, and print the link to the experiment."""
    tracker = open_tracker(ftlab_home().local)
    is_server = tracker.uri.startswith(SERVERS)
    if not is_server:
        require_free_port(port)
    base = without_credentials(tracker.uri.rstrip("/")) if is_server else f"http://127.0.0.1:{port}"
    found = tracker.find_experiment_id(experiment) if experiment else None
    console.print(f"{base}/#/experiments/{found}/runs?workflowType=machine_learning" if found else base, soft_wrap=True)
    if is_server:
        return
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri_in_folder(tracker.uri)]
    command += ["--artifacts-destination", str(Path("mlartifacts").absolute())]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--allowed-hosts", f"127.0.0.1:{port},localhost:{port}"]
    # The job runner takes three quarters of the server's memory, and nothing here uses it.
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    folder = sqlite_path(tracker.uri)
    surroundings = {**environment, **os.environ}
    raise typer.Exit(subprocess.call(command, cwd=folder and folder.parent, env=surroundings))  # noqa: S603 - fixed arguments


@app.command()
def dashboard(port: Port = 8050) -> None:
    """Serve the score explorer on 127.0.0.1 until Ctrl-C, and print its link."""
    require_free_port(port)
    raise typer.Exit(subprocess.call([sys.executable, "-m", "explorer", "--port", str(port)]))  # noqa: S603 - fixed
