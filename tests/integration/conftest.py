import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run

from ftlab.tracking.tracking_uri import default_tracking_uri


class Laboratory:
    """A place of its own for one test: experiments, FTLAB_HOME, results, and every process that was started for it.

    Args:
        folder: Empty folder.
        profile: Content of the profile called tiny.
    """

    def __init__(self, folder: Path, profile: dict[str, Any]) -> None:
        self.home = folder / "home"
        self.results = folder / "results"
        self.experiments = folder / "experiments"
        self.folder = folder
        self.tracking_uri = default_tracking_uri(self.home)
        (self.experiments / "profiles").mkdir(parents=True)
        (self.experiments / "profiles" / "tiny.yaml").write_text(yaml.safe_dump(profile))
        inherited = {name: value for name, value in os.environ.items() if name not in ("RAY_ADDRESS",)}
        self.environment = {
            **inherited,
            "FTLAB_HOME": str(self.home),
            "FTLAB_EXPERIMENTS": str(self.experiments),
            "MLFLOW_TRACKING_URI": self.tracking_uri,
        }
        self._started: list[subprocess.Popen[bytes]] = []

    def write_experiment(self, name: str, **content: object) -> None:
        """Write an experiment file."""
        (self.experiments / f"{name}.yaml").write_text(yaml.safe_dump({"question": "Does it work?", **content}))

    def sweep_command(self, experiment: str, *arguments: str) -> tuple[str, ...]:
        """Return the arguments of a sweep of the profile tiny on two cores."""
        sized = ("--profile", "tiny", "--cpus", "2", "--results", str(self.results))
        return ("sweep", experiment, *sized, *arguments)

    def start(self, *arguments: str) -> "Command":
        """Start a command line in a session of its own, as a terminal would."""
        log = self.folder / f"command-{len(self._started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "ftlab.cli_entry", *arguments] if False else [ftlab_script(), *arguments],
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)
        return Command(process, log)
