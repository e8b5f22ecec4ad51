"""Answer a Ctrl-C at once, although Tune heeds it only after its current step."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


def answer_first(answer: Callable[[], None]) -> None:
    """Call a function on SIGINT before the handler that is set now, which goes on as it did.

    Tune's handler puts the one before it back when it is called, so that a second Ctrl-C cuts the end off.
    """
    heeding = signal.getsignal(signal.SIGINT)
    if not callable(heeding):  # ignored, as in a shell's background
        return

    def handle(number: int, frame: FrameType | None) -> None:
        answer()
        heeding(number, frame)

    signal.signal(signal.SIGINT, handle)


@contextmanager
def handler_restored() -> Iterator[None]:
    """Put the handler of SIGINT back at the end: Tune leaves its own, which would swallow the next Ctrl-C."""
    previous = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
