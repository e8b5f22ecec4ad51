"""The command that moves a history to another tracking store: migrate."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import track

from ftlab.config.home import ftlab_home
from ftlab.errors import TrackingError
from ftlab.storage.location import is_uri
from ftlab.terminal.console import complain, console, say
from ftlab.tracking.tracking_uri import default_tracking_uri

if TYPE_CHECKING:
    from ftlab.tracking.mlflow.copying import CopyOutcome, Migration
    from ftlab.tracking.mlflow.missing import Step

app = typer.Typer()

Target = Annotated[
    str, typer.Option("--to", help="Store to write to: http(s)://SERVER, sqlite:////PATH/mlflow.db or postgresql://...")
]
Source = Annotated[
    str | None, typer.Option(help="SQLite store to read; by default the one in FTLAB_HOME. It is not changed.")
]
Artifacts = Annotated[
    str | None, typer.Option(help="Folder or URI for the files, if the target is a database; a server has its own.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be copied, and change nothing.")]

PATIENCE_SECONDS = "60"

_MAX_NAMED = 10


@app.command()
def migrate(target: Target, source: Source = None, artifacts: Artifacts = None, dry_run: DryRun = False) -> None:
    """Copy the history of FTLAB_HOME's SQLite store to another store, and read it back.

    It copies studies with their files, and trials with their settings, tags, metrics of every epoch and score
    histories. It replaces nothing in the target. Run the same command again, also after an interruption, to copy what
    is still missing. The exit status is 1 if the target differs from the source.
    """
    # A server that checks a password at each of many requests may answer slowly.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", PATIENCE_SECONDS)
    from ftlab.tracking.mlflow.copying import Migration

    migration = Migration(source or default_tracking_uri(ftlab_home().local), target, _as_uri(artifacts))
    steps = migration.plan()
    if dry_run:
        _say_actions(steps)
        say("a dry run: nothing was written")
        return
    outcomes = list(
        track(migration.run(steps), "Copying", len(steps), console=console, disable=not console.is_terminal)
    )
    _say_actions(steps)
    _report(outcomes, migration)


def _as_uri(folder: str | None) -> str | None:
    return folder if folder is None or is_uri(folder) else Path(folder).expanduser().absolute().as_uri()


def _say_actions(steps: "Iterable[Step]") -> None:
    counts = Counter((step.action, step.is_trial) for step in steps)
    if not counts:
        say("nothing to copy: the source holds no studies or trials of ftlab")
    for action in dict.fromkeys(action for action, _ in counts):
        say(f"{counts[action, True]} trials and {counts[action, False]} studies: {action}")


def _report(outcomes: "list[CopyOutcome]", migration: "Migration") -> None:
    """Print the result of comparing the copy with its source.

    Raises:
        TrackingError: The target differs from the source.
    """
    problems = [f"{outcome.step.name}: {problem}" for outcome in outcomes for problem in outcome.problems]
    problems += [f"{step.name}: not found in the target" for step in migration.plan() if step.is_open]
    for problem in problems[:_MAX_NAMED]:
        complain(problem)
    if problems:
        raise TrackingError(
            f"a copy must equal its original, but there are {len(problems)} differences; nothing was replaced. "
            "If the target was damaged, delete the runs named above in it and migrate again."
        )
    points = sum(outcome.content.num_points for outcome in outcomes)
    files = sum(len(outcome.content.files) for outcome in outcomes)
    say(f"read back and compared: {points:,} metric values, {files:,} files; all as in the source")
