"""Arguments and options that several commands take, and what their exit statuses mean."""

from pathlib import Path
from typing import Annotated

import typer

from ftlab.reporting.statistics import Interval

Experiment = Annotated[str, typer.Argument(help="Experiment: a file in experiments/, without its ending.")]
Profile = Annotated[str, typer.Option(help="Scale: a file in experiments/profiles/, without its ending.")]
Seeds = Annotated[
    str | None, typer.Option(help="Trials a cell, or auto: seeds where they matter. Without it, what the file says.")
]
MaxTrials = Annotated[int | None, typer.Option(help="Trials that the table may hold in total with --seeds auto.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Setting of every trial, as name=value.")]
Cpus = Annotated[int | None, typer.Option(help="CPU cores of this machine to use; without it, all.")]
Gpus = Annotated[int | None, typer.Option(help="GPUs of this machine to use; without it, all.")]
Share = Annotated[bool, typer.Option(help="Train common prefixes of trials once; the results are the same without.")]
IntervalKind = Annotated[
    Interval, typer.Option("--interval", help="How 95% intervals are made: Student's t, or a BCa bootstrap.")
]
Results = Annotated[Path, typer.Option(help="Folder of tables and figures.")]

RESULTS = Path("results")
INTERRUPTED = 130  # exit status of a command that a signal stopped
