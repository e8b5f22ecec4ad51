"""The commands that make tables without training: table, and evaluate, on other images."""

from typing import Annotated

import typer

from ftlab.cli.options import (
    RESULTS,
    Cpus,
    Experiment,
    Gpus,
    IntervalKind,
    MaxTrials,
    Overrides,
    Profile,
    Results,
    Seeds,
    TableStyle,
    load_asked,
)
from ftlab.config.home import ftlab_home
from ftlab.engine.evaluating import run_evaluation
from ftlab.engine.planning import plan_study
from ftlab.machine.capacity import Capacity
from ftlab.publish.table import publish_table
from ftlab.publish.table_options import TableOptions
from ftlab.terminal.console import say
from ftlab.terminal.phase import phase
from ftlab.terminal.plan_listing import sweep_command
from ftlab.terminal.table_listing import print_table
from ftlab.tracking.opening import open_tracker

app = typer.Typer()

On = Annotated[
    list[str] | None,
    typer.Option(
        metavar="IMAGES",
        help="Images to judge on: the name of a data set, or folder:PATH of one with train/ and test/ class folders; "
        "linear:, finetune: or another probe before it asks that alone, @100 behind it makes a long tail; "
        "may be repeated. By default the evaluations of the experiment, or else of the profile.",
    ),
]


@app.command()
def table(
    experiment: Experiment,
    profile: Profile = "digits",
    seeds: Seeds = None,
    overrides: Overrides = None,
    max_trials: MaxTrials = None,
    interval: IntervalKind = "t",
    style: TableStyle = "compact",
    results: Results = RESULTS,
) -> None:
    """Rebuild the table from the tracking store without training anything."""
    study, auto = load_asked(experiment, profile, seeds, overrides, max_trials)
    with phase("reading the tracking store and the images"):
        tracker = open_tracker(ftlab_home().local)
        tracker.reconcile()
        recorded = tracker.load_trials()
        found = plan_study(study, ftlab_home(), recorded)
    folder = results / study.results_name
    with phase("writing the table and its figures"):
        made, paths = publish_table(
            study,
            found.trials,
            recorded,
            tracker,
            folder,
            TableOptions(all_seeds=seeds is None, auto=auto, interval=interval, tex_style=style),
            home=ftlab_home(),
            command=sweep_command(study, auto),
        )
    print_table(made, folder, paths)
    if found.todo:
        say(f"{len(found.todo)} of {len(found.trials)} trials are not recorded yet:", sweep_command(study, auto))


@app.command()
def evaluate(
    experiment: Experiment,
    on: On = None,
    profile: Profile = "digits",
    seeds: Seeds = None,
    overrides: Overrides = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    results: Results = RESULTS,
) -> None:
    """Judge the kept backbones of an experiment on other images, without training, and write a table over tasks."""
    study, _ = load_asked(experiment, profile, seeds, overrides)
    raise typer.Exit(run_evaluation(study, on or study.evaluations, Capacity(cpus, gpus), results))
