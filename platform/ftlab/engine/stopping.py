"""Signals that stop a study as Ctrl-C does: of batch schedulers, of closed terminals and lost connections."""

import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

STOPPING = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stopped_as_by_ctrl_c() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into SIGINT, on which alone Tune stops cleanly; leave a signal that nohup ignores."""
    heeded = [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, _interrupt) for number in heeded}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    # Ray's handler of SIGTERM, which comes first, lets the process abort three seconds later.
    signal.alarm(0)
    if number == signal.SIGHUP:
        # Kernel and shell both send one, and a second Ctrl-C would cut off the clean end that the first began.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        _leave_terminal()
    os.kill(os.getpid(), signal.SIGINT)


def _leave_terminal() -> None:
    """Send output nowhere where it goes to a terminal: writing to one that is gone is an error."""
    for descriptor in (1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(descriptor).st_mode):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
