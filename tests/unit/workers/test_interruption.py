import os
import signal

import pytest

from ftlab.workers.interruption import answer_first, handler_restored


def test_a_ctrl_c_is_answered_before_it_is_heeded() -> None:
    heard: list[str] = []
    before = signal.getsignal(signal.SIGINT)
    with handler_restored():
        signal.signal(signal.SIGINT, lambda *_: heard.append("heeded"))
        answer_first(lambda: heard.append("answered"))
        os.kill(os.getpid(), signal.SIGINT)
    assert heard == ["answered", "heeded"]
    assert signal.getsignal(signal.SIGINT) == before


def test_an_ignored_ctrl_c_stays_ignored() -> None:
    with handler_restored():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        answer_first(lambda: pytest.fail("was called"))
        os.kill(os.getpid(), signal.SIGINT)
