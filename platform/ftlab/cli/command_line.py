"""The command line: all commands together, and the report of an error to the user."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from inspect import cleandoc
from io import TextIOWrapper
from platform import python_version
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_group

from ftlab.errors import FREE_SPACE, FtlabError, is_disk_full
from ftlab.study.identity import NUMERICS_VERSION
from ftlab.terminal.console import error_console, on_a_screen, say

# The file of each command, in the order of the help: a command pays for the imports of no other.
_FILES = {
    "init": "init_command",
    "plan": "plan_command",
    "sweep": "sweep_command",
    "table": "table_command",
    "evaluate": "table_command",
    "train": "train_command",
    "ui": "serve_command",
    "dashboard": "serve_command",
    "list": "config_command",
    "config": "config_command",
    "schema": "config_command",
    "search": "search_command",
    "optuna-ui": "search_command",
    "explain": "trace_command",
    "verify": "trace_command",
    "bundle": "trace_command",
    "migrate": "migrate_command",
    "import-journal": "journal_command",
    "doctor": "doctor_command",
    "export-backbone": "export_command",
    "features": "export_command",
}

# The usage of a command and the frame are shown beside the message.
_USAGE_LINES = 8


@contextmanager
def _on_a_screen() -> Iterator[None]:
    try:
        yield
    except TyperException as error:
        error.message = on_a_screen(error.message, lines_elsewhere=_USAGE_LINES)
        raise


class _Commands(TyperGroup):
    """The commands, each imported when it is asked for; what is wrong in the words of one is said on a screen."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        # Names that were mistyped are compared with these.
        known: dict[str, Any] = dict.fromkeys(_FILES)
        self.commands = {**known, **self.commands}

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]
        """Return a command, with a line a paragraph in its help, which a terminal breaks where it ends."""
        if cmd_name not in _FILES:
            return super().get_command(ctx, cmd_name)
        loaded = get_group(import_module(f"ftlab.cli.{_FILES[cmd_name]}").app)
        command = loaded.get_command(ctx, cmd_name)
        if command is not None and command.help:
            command.help = "\n\n".join(" ".join(part.split()) for part in cleandoc(command.help).split("\n\n"))
        return command

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Read the words before a command's own."""
        with _on_a_screen():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Read the words of a command, and run it."""
        with _on_a_screen():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Commands,
    help="Ablation tables for contrastive learning as build targets.",
    no_args_is_help=True,
    add_completion=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        say(f"ftlab {version('ftlab')}, numerics {NUMERICS_VERSION}, Python {python_version()}")
        raise typer.Exit


@app.callback()
def _options(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Ablation tables for contrastive learning as build targets."""


def main() -> None:
    """Run a command; report an error that the user can act on as one message, with exit status 1."""
    # Stores and figures make objects by the 100,000: with Python's thresholds the collector takes a tenth of the time.
    gc.set_threshold(100_000, 50, 50)
    _settle_surroundings()
    try:
        app(standalone_mode=True)
    except FtlabError as error:
        _exit_with(str(error))
    except OSError as error:
        _exit_with(_in_words(error))


def _in_words(error: OSError) -> str:
    """Return the path and the reason of an error of the system."""
    if is_disk_full(error):
        return f"a disk must have space left, but {error}. {FREE_SPACE}"
    paths = [os.fsdecode(path) for path in (error.filename, error.filename2) if isinstance(path, str | bytes)]
    reason = error.strerror or str(error) or type(error).__name__
    if not paths:
        return f"the system refused what this command needs: {reason}."
    return f"{' and '.join(paths)} must be a file or folder that this command can use, but is not: {reason}."


def _settle_surroundings() -> None:
    """Keep a backend that matplotlib does not know, and a terminal of few characters, from ending a command."""
    os.environ["MPLBACKEND"] = "agg"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _exit_with(message: str) -> NoReturn:
    error_console.print(f"error: {on_a_screen(message)}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)
