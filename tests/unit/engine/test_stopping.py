import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from ftlab.engine.stopping import STOPPING, stopped_as_by_ctrl_c


@pytest.fixture(autouse=True)
def _default_handlers() -> Iterator[None]:
    previous = {number: signal.getsignal(number) for number in (*STOPPING, signal.SIGINT)}
    for number in STOPPING:
        signal.signal(number, signal.SIG_DFL)  # also where the tests themselves run under nohup
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in previous.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_stops_as_ctrl_c_does(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftlab.engine.stopping._leave_terminal", lambda: None)
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), stopped_as_by_ctrl_c():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_an_alarm_that_another_handler_set_does_not_cut_off_the_end() -> None:
    with stopped_as_by_ctrl_c():
        signal.alarm(60)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.alarm(0) == 0


def test_a_second_hangup_does_not_cut_off_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftlab.engine.stopping._leave_terminal", lambda: None)
    with stopped_as_by_ctrl_c():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)


@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_that_is_ignored_stays_so(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_IGN)  # as nohup does
    with stopped_as_by_ctrl_c():
        os.kill(os.getpid(), number)


def test_a_terminal_that_is_gone_takes_no_output() -> None:
    program = """
import os, sys
from ftlab.engine.stopping import stopped_as_by_ctrl_c
with open("/dev/stdin") as told:
    try:
        with stopped_as_by_ctrl_c():
            told.read()
            os.kill(os.getpid(), 1)
    except KeyboardInterrupt:
        pass
for _ in range(3):
    print("a line", flush=True)
sys.exit(7)
"""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    os.close(ours)
    process.communicate()
    assert process.returncode == 7
