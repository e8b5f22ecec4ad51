"""Where the commands print."""

from rich.console import Console

console = Console()
error_console = Console(stderr=True)


def say(line: str) -> None:
    """Print a line as it is."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def complain(line: str) -> None:
    """Print a line as it is on the error output."""
    error_console.print(line, markup=False, highlight=False, soft_wrap=True)
