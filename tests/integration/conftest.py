import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run

from ftlab.tracking.tracking_uri import default_tracking_uri


class Command:
    """A command line that runs in a process and a session of its own, as in a terminal."""

    def __init__(self, arguments: tuple[str, ...], folder: Path, environment: dict[str, str], log: Path) -> None:
        self._out, self._err = log.with_suffix(".out"), log.with_suffix(".err")
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.process = subprocess.Popen(
                arguments, cwd=folder, env=environment, stdout=out, stderr=err, start_new_session=True
            )

    @property
    def out(self) -> str:
        """Output of the command so far."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        """Error output of the command so far."""
        return self._err.read_text()

    def wait_for(self, pattern: str, seconds: float = 180.0) -> None:
        """Wait until a line is printed."""
        found = _wait_until(lambda: self.process.poll() is not None or re.search(pattern, self.out), seconds)
        assert found, f"{pattern!r} was not printed in {seconds} s, but: {self.out}{self.err}"

    def send_to_group(self, number: signal.Signals) -> None:
        """Send a signal to the process group, as a terminal does with Ctrl-C."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def wait(self, seconds: float = 600.0) -> int:
        """Wait for the end and return the exit status."""
        return self.process.wait(seconds)


class Laboratory:
    """A place of its own for a test: experiments, FTLAB_HOME, results, and the processes that were started for it.

    Args:
        folder: Empty folder.
        profile: Content of the profile called tiny.
    """

    def __init__(self, folder: Path, profile: dict[str, Any]) -> None:
        self.folder = folder.resolve()
        self.home = folder / "home"
        self.results = folder / "results"
        self.tracking_uri = default_tracking_uri(self.home)
        self._experiments = folder / "experiments"
        (self._experiments / "profiles").mkdir(parents=True)
        (self._experiments / "profiles" / "tiny.yaml").write_text(yaml.safe_dump(profile))
        self.surroundings: dict[str, str] = {}
        self._commands: list[Command] = []

    @property
    def environment(self) -> dict[str, str]:
        """Environment of the commands, with what a test puts into `surroundings`."""
        ours = {
            "FTLAB_HOME": str(self.home),
            "FTLAB_EXPERIMENTS": str(self._experiments),
            "MLFLOW_TRACKING_URI": self.tracking_uri,
        }
        return {**os.environ, **ours, **self.surroundings}

    def write_experiment(self, name: str, **content: object) -> None:
        """Write an experiment file."""
        (self._experiments / f"{name}.yaml").write_text(yaml.safe_dump({"question": "Does it work?", **content}))

    def start(self, *arguments: str) -> Command:
        """Start a command line, e.g. ``start("sweep", "exp")``, at the profile tiny."""
        return self._start(*arguments, "--profile", "tiny")

    def verify(self) -> Command:
        """Start the command that verifies all tables."""
        return self._start("verify", str(self.results))

    def _start(self, *arguments: str) -> Command:
        script = str(Path(sys.executable).with_name("ftlab"))
        log = self.folder / f"command-{len(self._commands)}"
        command = Command((script, *arguments), self.folder, self.environment, log)
        self._commands.append(command)
        return command

    def start_sweep(self, experiment: str, *arguments: str) -> Command:
        """Start a sweep on two cores."""
        return self.start("sweep", experiment, "--cpus", "2", *arguments)

    def sweep(self, experiment: str, *arguments: str) -> Command:
        """Run a sweep on two cores to its end."""
        command = self.start_sweep(experiment, *arguments)
        assert command.wait() == 0, command.out + command.err
        return command

    def runs(self, tracking_uri: str | None = None) -> list[Run]:
        """Return every run in the tracking store, or in another one."""
        client = MlflowClient(tracking_uri=tracking_uri or self.tracking_uri)
        experiments = [experiment.experiment_id for experiment in client.search_experiments()]
        return list(client.search_runs(experiments, max_results=1000))

    def trial_runs(self) -> list[Run]:
        """Return the runs of trials."""
        return [run for run in self.runs() if "mlflow.parentRunId" in run.data.tags]

    def trials(self, study: str) -> pd.DataFrame:
        """Return trials.csv as text, without what names the run."""
        return pd.read_csv(self.results / study / "trials.csv", dtype=str).drop(columns="mlflow_run_id")

    def files(self, study: str) -> dict[str, bytes]:
        """Return the content of every file of the results."""
        return self.contents(self.results / study)

    @staticmethod
    def contents(folder: Path) -> dict[str, bytes]:
        """Return the content of every file at and below a folder, by its path from there."""
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    def journal(self) -> dict[str, list[str]]:
        """Return what happened to each trial, in order: trial, epochs, or the status of an outcome."""
        return {path.stem: list(_events(path)) for path in sorted((self.home / "trials").glob("*.jsonl"))}

    def epochs(self, trial_key: str) -> list[dict[str, Any]]:
        """Return the epochs of a trial as the journal has them."""
        lines = (self.home / "trials" / f"{trial_key}.jsonl").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        return [epoch for event in events if event["event"] == "epochs" for epoch in event["epochs"]]

    def processes(self) -> dict[int, str]:
        """Return the command lines of the living processes that were started here, Ray's among them."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended
                if self._is_ours(process):
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ").strip().decode()
                    found[int(process.name)] = command
        return found

    def _is_ours(self, process: Path) -> bool:
        # Ray's workers move to a folder of their own, and Ray's helpers overwrite their environment with a title.
        if (process / "cwd").resolve(strict=True).is_relative_to(self.folder):
            return True
        return f"FTLAB_HOME={self.home}".encode() in (process / "environ").read_bytes().split(b"\0")

    def workers(self) -> list[int]:
        """Return the living processes that train."""
        return [pid for pid, command in self.processes().items() if re.match(r"ray::\w*Trainable", command)]

    def left_behind(self, seconds: float = 180.0) -> list[str]:
        """Wait until no process is left, and return those that stay all the same.

        A helper of Ray's that was just starting when the rest was killed takes over a minute to notice.
        """
        _wait_until(lambda: not self.processes(), seconds)
        return list(self.processes().values())

    def wait_for_lock(self) -> None:
        """Wait until a sweep has taken its lock: its modules are imported, its work begins."""
        assert _wait_until((self.home / "locks").exists, 60.0)

    def close(self) -> None:
        """End what a failed test left running."""
        for command in self._commands:
            command.send_to_group(signal.SIGKILL)
            command.wait()
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _wait_until(condition: Callable[[], object], seconds: float) -> object:
    """Ask again and again until the answer is true; return the last answer."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


def _events(path: Path) -> Iterator[str]:
    for line in path.read_text().splitlines():
        with suppress(ValueError):  # a line that a kill cut off
            event = json.loads(line)
            yield event["outcome"]["status"] if event["event"] == "outcome" else event["event"]


@pytest.fixture(scope="session", autouse=True)
def _heed_interrupts() -> None:
    """Let commands heed Ctrl-C, which a shell that runs the tests in the background has them ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


MakeLaboratory = Callable[..., Laboratory]


@pytest.fixture(scope="module")
def make_laboratory(tmp_path_factory: pytest.TempPathFactory, tiny_profile: dict[str, Any]) -> Iterator[MakeLaboratory]:
    """Make a laboratory whose tiny profile trains for some epochs: `make_laboratory(epochs=20)`."""
    made: list[Laboratory] = []

    def make(epochs: int = 2, **resources: object) -> Laboratory:
        trial = {**tiny_profile["trial"], "train": {"epochs": epochs}}
        profile = {**tiny_profile, "trial": trial, "resources": {**tiny_profile["resources"], **resources}}
        made.append(Laboratory(tmp_path_factory.mktemp("laboratory"), profile))
        return made[-1]

    yield make
    for laboratory in made:
        laboratory.close()
