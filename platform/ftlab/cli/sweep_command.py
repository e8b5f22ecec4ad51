"""The command that trains the trials that a table lacks, and writes the table: sweep."""

import typer

from ftlab.cli.options import (
    Cpus,
    Experiment,
    Gpus,
    IntervalKind,
    MaxTrials,
    Overrides,
    Profile,
    Results,
    Seeds,
    Share,
    load_asked,
)
from ftlab.config.home import RESULTS
from ftlab.engine.last_sweep import show_again
from ftlab.machine.capacity import Capacity
from ftlab.publish.table_options import TableOptions
from ftlab.reporting.table.statistics import check_interval

app = typer.Typer()


@app.command()
def sweep(
    experiment: Experiment,
    profile: Profile = "digits",
    seeds: Seeds = None,
    overrides: Overrides = None,
    max_trials: MaxTrials = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    share: Share = True,
    interval: IntervalKind = "t",
    results: Results = RESULTS,
) -> None:
    """Train the trials that the table still lacks, record them, then write and print the table."""
    study, auto = load_asked(experiment, profile, seeds, overrides, max_trials)
    options = TableOptions(all_seeds=seeds is None, auto=auto, interval=interval)
    check_interval(interval, len(study.seeds))
    if show_again(study, options, results):
        return
    # pandas and all that trains take seconds to import.
    from ftlab.engine.sweep import run_sweep

    raise typer.Exit(run_sweep(study, Capacity(cpus, gpus), results, options, share=share))
