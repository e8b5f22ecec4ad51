"""Arguments and options that several commands share, and the exit status of an interrupted command."""

from pathlib import Path
from typing import Annotated

import typer

from ftlab.reporting.statistics import Interval

Experiment = Annotated[str, typer.Argument(help="Name of an experiment: a file in experiments/, without .yaml.")]
Profile = Annotated[
    str, typer.Option(help="Name of a profile (the scale): a file in experiments/profiles/, without .yaml.")
]
Seeds = Annotated[
    str | None,
    typer.Option(help="Trials per cell, or auto to add seeds where they matter; by default the experiment's number."),
]
MaxTrials = Annotated[int | None, typer.Option(help="Most trials that the table may hold with --seeds auto.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", help="Setting for every trial, as name=value; may be repeated.")
]
Cpus = Annotated[int | None, typer.Option(help="CPU cores of this machine to use; by default all.")]
Gpus = Annotated[int | None, typer.Option(help="GPUs of this machine to use; by default all.")]
Share = Annotated[bool, typer.Option(help="Train common prefixes of trials once; the results stay the same.")]
IntervalKind = Annotated[
    Interval, typer.Option("--interval", help="Kind of 95% interval: Student's t, or a BCa bootstrap.")
]
Results = Annotated[Path, typer.Option(help="Folder of tables and figures.")]

RESULTS = Path("results")
INTERRUPTED = 130  # exit status of a command that a signal stopped
