"""Servers that commands start: they end with the command, with all that they started."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
import typer

from ftlab.cli.serve_command import _serving, _wait_for_answer

WAIT = "import time; time.sleep(60)"
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{WAIT}']); {WAIT}"


def is_group_alive(group: int) -> bool:
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, process_group = status.read_text().rpartition(")")[2].split()[:3]
            if int(process_group) == group and state != "Z":
                return True
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_server_and_its_workers(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftlab.engine.stopping._leave_terminal", lambda: None)
    # As in a terminal; whoever runs the tests may ignore it, as nohup does.
    hang_up = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-c", PARENT]
    groups: list[int] = []

    def serve() -> None:
        with _serving(command) as server:
            groups.append(server.pid)
            os.kill(os.getpid(), number)
            server.wait()

    with pytest.raises(typer.Exit) as ended:
        serve()
    signal.signal(signal.SIGINT, previous)
    signal.signal(signal.SIGHUP, hang_up)
    assert ended.value.exit_code == 0
    (group,) = groups
    deadline = time.monotonic() + 10
    while is_group_alive(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_group_alive(group)


def test_a_server_that_ends_is_not_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(4)"]) as server:
        _wait_for_answer(server, "http://127.0.0.1:9")
    assert server.returncode == 4
