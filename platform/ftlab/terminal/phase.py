"""The phase of a command: named while it lasts, with a spinner and its elapsed time. Imported before all else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from ftlab.terminal.console import console
from ftlab.terminal.durations import format_seconds

FRAMES_PER_SECOND = 5


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Show on a terminal what a command is doing while the block runs; elsewhere say nothing.

    Args:
        name: The phase in words, e.g. ``starting Ray``.
    """
    if not console.is_terminal:
        yield
        return
    with Live(
        get_renderable=PhaseLine(name).line, console=console, refresh_per_second=FRAMES_PER_SECOND, transient=True
    ):
        yield


class PhaseLine:
    """The line of a phase, which tells the seconds since it was made.

    Args:
        name: The phase in words.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._started = time.monotonic()
        self._spinner = Spinner("dots" if console.encoding.startswith("utf") else "line")

    def line(self) -> Spinner:
        """Return the line as it is now."""
        elapsed = format_seconds(time.monotonic() - self._started)
        self._spinner.update(text=Text(f"{self._name}, {elapsed}", no_wrap=True, overflow="ellipsis"))
        return self._spinner
