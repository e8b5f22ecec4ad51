"""The commands that serve pages to this machine: ui and dashboard."""

import os
import subprocess
import sys
from typing import Annotated

import typer

from ftlab.config.home import ftlab_home
from ftlab.credentials import without_credentials
from ftlab.terminal.console import console
from ftlab.tracking.opening import open_tracker

app = typer.Typer()


@app.command()
def ui(
    experiment: Annotated[str | None, typer.Argument(help="Experiment to link to.")] = None, port: int = 5000
) -> None:
    """Serve MLflow's pages on 127.0.0.1 until Ctrl-C, and print the link to the experiment."""
    tracker = open_tracker(ftlab_home().local)
    is_server = tracker.uri.startswith(("http://", "https://"))
    base = without_credentials(tracker.uri.rstrip("/")) if is_server else f"http://127.0.0.1:{port}"
    found = tracker.find_experiment_id(experiment) if experiment else None
    console.print(f"{base}/#/experiments/{found}/runs?workflowType=machine_learning" if found else base, soft_wrap=True)
    if is_server:
        return
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", tracker.uri]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--allowed-hosts", f"127.0.0.1:{port},localhost:{port}"]
    # The job runner takes three quarters of the server's memory, and nothing here uses it.
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    raise typer.Exit(subprocess.call(command, env={**environment, **os.environ}))  # noqa: S603 - fixed arguments


@app.command()
def dashboard(port: int = 8050) -> None:
    """Serve the score explorer on 127.0.0.1 until Ctrl-C, and print its link."""
    raise typer.Exit(subprocess.call([sys.executable, "-m", "explorer", "--port", str(port)]))  # noqa: S603 - fixed
