"""Where the commands print."""

from collections.abc import Sequence

from rich.console import Console

console = Console()
error_console = Console(stderr=True)


def say(line: str) -> None:
    """Print a line as it is."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def complain(line: str) -> None:
    """Print a line as it is on the error output."""
    error_console.print(line, markup=False, highlight=False, soft_wrap=True)


def report_undelivered(keys: Sequence[str], command: str) -> None:
    """Say that trials could not be recorded, if there are any, and which command records them."""
    if keys:
        complain(
            f"{len(keys)} trials could not be recorded: the tracking store did not answer. "
            f"They are kept, and the next {command} records them without training."
        )
