import atexit
import gc
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener
from uuid import uuid4

import pytest
import yaml

from ftlab.config.home import Home

WriteExperiment = Callable[..., None]


class ObjectStore:
    """An S3 server in a process of its own, on a free port of this machine; needs no account."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        greeting = next(line for line in self.process.stderr if "Running on" in line)
        self.address = re.findall(r"http://[\d.:]+", greeting)[0]
        # What the server says later goes nowhere, and must not fill a pipe.
        self._drain = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)
        self.process.stderr.close()

    def make_location(self, *, credentials: str = "key:secret@") -> str:
        """Return the URI of a new bucket's prefix."""
        bucket = f"bucket-{uuid4().hex}"
        # urlopen would remember the proxies that a test had set when it was first called.
        with build_opener(ProxyHandler({})).open(Request(f"{self.address}/{bucket}", method="PUT")):  # noqa: S310
            return f"s3://{credentials}{bucket}/lab?endpoint_override={self.address}&region=us-east-1"

    def close(self) -> None:
        """End the server."""
        self.process.kill()
        self.process.wait()
        self._drain.wait()


# Thousands of tests and what they import are no garbage: looking through them again and again takes a tenth of a run.
gc.set_threshold(200_000, 20, 20)
atexit.register(gc.unfreeze)  # some libraries complain of what is left at the end


def pytest_collection_finish() -> None:
    gc.freeze()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-snapshots", action="store_true", help="write what tests expect from what they found")


@pytest.fixture(scope="session")
def update_snapshots(pytestconfig: pytest.Config) -> bool:
    """Return whether snapshots are replaced by what the tests found."""
    return bool(pytestconfig.getoption("--update-snapshots"))


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """Keep one server for all tests; each makes a bucket of its own."""
    store = ObjectStore()
    yield store
    store.close()


@pytest.fixture(scope="session")
def tiny_profile() -> dict[str, Any]:
    """Two epochs of the embedded digits with a small encoder: a trial in half a second."""
    return {
        "description": "One core, seconds",
        "metric": "probe/few_shot_top1",
        "protocol": "digits, tiny",
        "trial": {
            "model": {"feature_dim": 16},
            "method": {"key_momentum": 0.9, "queue_size": 128},
            "train": {"epochs": 2},
            "probe": {"every": 1, "few_shot_draws": 2, "linear_epochs": 1, "linear_learning_rates": [1.0]},
        },
        "resources": {"device": "cpu", "checkpoint_seconds": 0.0},
    }


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep what a developer has set, and what a developer has trained, out of the tests."""
    ours = ("FTLAB_CACHE", "FTLAB_EXPERIMENTS", "FTLAB_METRICS_HOST", "FTLAB_METRICS_PORT")
    for name in (*ours, "MLFLOW_TRACKING_URI", "OPTUNA_STORAGE", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FTLAB_HOME", str(tmp_path / "home"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """FTLAB_HOME of the test."""
    return Home(str(tmp_path / "home"))


@pytest.fixture
def write_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_profile: dict[str, Any]) -> WriteExperiment:
    """Write an experiment file, `write_experiment("name", grid={...})`, beside a profile called tiny."""
    folder = tmp_path / "experiments"
    (folder / "profiles").mkdir(parents=True)
    (folder / "profiles" / "tiny.yaml").write_text(yaml.safe_dump(tiny_profile))
    monkeypatch.setenv("FTLAB_EXPERIMENTS", str(folder))

    def write(name: str, *, folder: Path = folder, **content: Mapping[str, Any] | object) -> None:
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"question": "Does it work?", "seeds": 2, **content}))

    return write
