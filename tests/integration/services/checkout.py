"""The checkout as a user sees it, in a folder of its own: `make` works, and what it writes stays there."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[3]


def trained_rows(table: Path) -> pd.DataFrame:
    """Read the rows of a ``table.csv`` that trials were trained for, without the floors."""
    rows = pd.read_csv(table)
    return rows[rows["is_floor"] == "no"]


class Checkout:
    """Holds links to this checkout's files.

    Args:
        folder: New folder.
        environment: Environment of the commands.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        folder.mkdir(parents=True)
        (folder / ".venv").symlink_to(sys.prefix)
        for name in ("Makefile", "experiments", "platform", "pyproject.toml", "requirements.lock"):
            (folder / name).symlink_to(ROOT / name)
        self.folder = folder
        self.environment = {**environment}
        self._commands: list[MakeCommand] = []

    def start(self, target: str, **variables: object) -> "MakeCommand":
        """Start e.g. ``make sweep EXP=momentum``."""
        # The environment is that of the tests, and not to be made anew from here.
        arguments = [
            "make",
            "--old-file=.venv/.installed",
            target,
            *(f"{name}={value}" for name, value in variables.items()),
        ]
        log = self.folder / f"make-{len(self._commands)}.log"
        self._commands.append(MakeCommand(arguments, self.folder, self.environment, log))
        return self._commands[-1]

    def close(self) -> None:
        """End the commands that still run."""
        for command in self._commands:
            command.kill()


class MakeCommand:
    """A command in a session of its own, which says everything into one file."""

    def __init__(self, arguments: list[str], folder: Path, environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                arguments, cwd=folder, env=environment, stdout=out, stderr=out, start_new_session=True
            )

    @property
    def output(self) -> str:
        """Output of the command so far."""
        return self.log.read_text()

    @property
    def is_running(self) -> bool:
        """Return whether the command still runs."""
        return self.process.poll() is None

    def wait(self, seconds: float = 900.0) -> int:
        """Wait for the end and return the exit status."""
        return self.process.wait(seconds)

    def interrupt(self) -> None:
        """Interrupt the command as Ctrl-C does."""
        os.killpg(self.process.pid, signal.SIGINT)

    def kill(self) -> None:
        """Kill what still runs; Ray's processes end with their driver."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
