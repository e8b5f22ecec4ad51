import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from difflib import unified_diff
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from ftlab.config.experiment import ExperimentConfig, ProfileConfig
from ftlab.study.spec import StudySpec, resolve_study
from ftlab.tracking.tracking_uri import default_tracking_uri

SNAPSHOTS = Path(__file__).parent / "snapshots"

MatchSnapshot = Callable[[str, Mapping[str, str]], None]

MakeStudy = Callable[..., StudySpec]


@pytest.fixture
def match_snapshot(update_snapshots: bool) -> MatchSnapshot:
    """Compare texts with ``snapshots/<name>.txt``, `match_snapshot("doctor", {"heading": text})`.

    ``pytest --update-snapshots`` writes what was found; review the change like one of code.
    """

    def match(name: str, texts: Mapping[str, str]) -> None:
        path = SNAPSHOTS / f"{name}.txt"
        found = "".join(f"=== {heading} ===\n{text}\n" for heading, text in texts.items())
        if update_snapshots:
            path.write_bytes(found.encode())
        expected = path.read_bytes().decode() if path.exists() else ""
        if found != expected:
            lines = [text.splitlines(keepends=True) for text in (expected, found)]
            diff = "".join(unified_diff(*lines, "expected", "found", n=1))
            pytest.fail(f"{path.name} differs; where that is right: pytest --update-snapshots\n{diff}", pytrace=False)

    return match


@pytest.fixture(scope="session")
def decoded_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


@pytest.fixture
def decode_once(decoded_images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the homes of tests share the cache of images, which each would fill anew."""
    monkeypatch.setenv("FTLAB_CACHE", str(decoded_images))


@pytest.fixture(scope="session", autouse=True)
def _do_not_wait_for_the_disk() -> None:
    """Let SQLite write without waiting for the disk, which takes longer than much of the tests; no test cuts power."""
    event.listen(Engine, "connect", _write_behind)


def _write_behind(connection: object, record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A new SQLite store and what its first start printed; its migration takes seconds, so tests work on copies."""
    from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker

    home = tmp_path_factory.mktemp("migrated")
    with redirect_stdout(StringIO()) as printed, redirect_stderr(printed):
        MlflowTracker(default_tracking_uri(home))
    return home / "mlflow.db", printed.getvalue()


@pytest.fixture
def store_uri(first_start: tuple[Path, str], tmp_path: Path) -> str:
    database, _ = first_start
    shutil.copy(database, tmp_path)
    return default_tracking_uri(tmp_path)


@pytest.fixture
def target_uri(first_start: tuple[Path, str], tmp_path: Path) -> str:
    """Another empty store, in a folder of its own."""
    database, _ = first_start
    (tmp_path / "target").mkdir()
    shutil.copy(database, tmp_path / "target")
    return default_tracking_uri(tmp_path / "target")


@pytest.fixture
def serve() -> Iterator[Callable[[type[BaseHTTPRequestHandler]], str]]:
    """Serve a handler on a free port of this machine, without a word, and return the address: `serve(Handler)`."""
    with ExitStack() as stack:

        def start(handler: type[BaseHTTPRequestHandler]) -> str:
            silent = type("Silent", (handler,), {"log_message": lambda *_: None})
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), silent))
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield start


@pytest.fixture
def profile(tiny_profile: dict[str, Any]) -> ProfileConfig:
    return ProfileConfig.model_validate(tiny_profile)


@pytest.fixture
def make_study(profile: ProfileConfig) -> MakeStudy:
    """Resolve an experiment from its fields: `make_study(grid={...}, seeds=1)`; `overrides` are the user's."""

    def make(*, overrides: dict[str, Any] | None = None, seeds: int = 1, **fields: Any) -> StudySpec:
        experiment = ExperimentConfig.model_validate({"question": "?", "seeds": seeds, **fields})
        return resolve_study("exp", experiment, "tiny", profile, None, overrides)

    return make


@pytest.fixture(scope="module")
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: their number decides the last bits of a result."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
