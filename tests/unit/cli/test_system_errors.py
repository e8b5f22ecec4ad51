"""Errors of the system end every command with the path and the reason, without a traceback."""

import errno
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ftlab.cli.command_line import main

WriteExperiment = Callable[..., None]


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must fail in this process, and return what it complained of."""
    monkeypatch.setattr(sys, "argv", ["ftlab", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    return capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [("plan", "exp"), ("sweep", "exp"), ("table", "exp"), ("search", "look"), ("ui",), ("train",), ("optuna-ui",)],
)
@pytest.mark.parametrize("home", ["a file", "below a file", "read-only"])
def test_a_home_that_cannot_be_used_is_named_with_the_reason(
    command: tuple[str, ...],
    home: str,
    write_experiment: WriteExperiment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("ftlab.workers.session.RaySession.start", lambda _: None)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("FTLAB_CACHE", raising=False)
    write_experiment("exp", grid={"method.temperature": [0.1]})
    write_experiment("look", space={"method.temperature": {"kind": "float", "low": 0.1, "high": 0.2}}, trials=2)
    (tmp_path / "file").write_text("in the way")
    path = {"a file": tmp_path / "file", "below a file": tmp_path / "file" / "home", "read-only": Path("/proc/home")}
    monkeypatch.setenv("FTLAB_HOME", str(path[home]))
    profile = ("--profile", "tiny") if command[0] in ("plan", "sweep", "table", "search", "train") else ()
    results = ("--results", str(tmp_path / "results")) if command[0] in ("sweep", "table", "search") else ()
    said = run(monkeypatch, capsys, *command, *profile, *results)
    assert said.startswith("error: ")
    assert str(path[home].parent if home == "below a file" else path[home]) in said
    assert any(word in said for word in ("Not a directory", "File exists", "No such file", "unable to open"))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/x/home"), "/x/home must be .*: Permission denied"),
        (OSError(errno.EROFS, "Read-only file system", b"/x"), "/x must be .*: Read-only file system"),
        (OSError(errno.EXDEV, "Invalid link", "/a", None, "/b"), "/a and /b must be .*: Invalid link"),
        (OSError(errno.EMFILE, "Too many open files"), "the system refused .*: Too many open files"),
        (OSError("odd"), "the system refused .*: odd"),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), "a disk must have space left"),
        (TimeoutError(), "the system refused .*: TimeoutError"),
    ],
)
def test_every_error_of_the_system_is_a_message(
    error: OSError, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr("ftlab.cli.command_line.app", fail)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert "Traceback" not in said

    assert re.search(message, said)


@pytest.mark.parametrize("command", ["ui", "dashboard", "optuna-ui"])
def test_a_taken_port_is_said_before_anything_is_served(
    command: str, tmp_path: Path, store_uri: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FTLAB_HOME", str(tmp_path))
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        said = run(monkeypatch, capsys, command, "--port", str(port))
    assert f"a port must be free, but got {port}: process {os.getpid()} listens there" in said


def test_a_command_goes_on_after_the_reader_of_its_output_has_gone() -> None:
    script = (
        "import time\n"
        "from ftlab.terminal.console import console, complain, say\n"
        "say('first')\ntime.sleep(0.3)\n"
        "for _ in range(3): say('more' * 10_000)\n"
        "console.print('still')\ncomplain('done')"
    )
    command = f'{sys.executable} -c "$SCRIPT" | head -1'
    ended = subprocess.run(  # noqa: S602 - fixed arguments
        command, shell=True, env={**os.environ, "SCRIPT": script}, capture_output=True, text=True, check=True
    )
    assert (ended.stdout, ended.stderr) == ("first\n", "done\n")
