"""The commands that make tables without training: table, and evaluate, on other images."""

from dataclasses import replace
from typing import Annotated

import typer

from ftlab.cli.options import (
    Cpus,
    Experiment,
    Gpus,
    ImageSize,
    IntervalKind,
    Kind,
    MaxTrials,
    Mean,
    Model,
    On,
    Overrides,
    Prefix,
    Profile,
    Results,
    RowName,
    Seeds,
    Std,
    TableStyle,
    Weights,
    asked_weights,
    load_asked,
)
from ftlab.config.home import RESULTS, ftlab_home
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

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be judged, and its cost.")]
Retrain = Annotated[
    bool, typer.Option("--retrain", help="First train recorded trials again whose backbones are not kept.")
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
        missing = f"{len(found.todo)} of {len(found.trials)} trials are not recorded yet:"
        say(missing, sweep_command(study, auto, results))


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
    weights: Weights = None,
    kind: Kind = None,
    prefix: Prefix = None,
    model: Model = None,
    name: RowName = None,
    image_size: ImageSize = None,
    mean: Mean = None,
    std: Std = None,
    dry_run: DryRun = False,
    retrain: Retrain = False,
) -> None:
    """Judge the kept backbones of an experiment on other images, without training, and write a table over tasks.

    Weights made elsewhere are judged beside them, by the same protocol.
    """
    study, _ = load_asked(experiment, profile, seeds, overrides)
    beside = asked_weights(
        weights, kind=kind, prefix=prefix, model=model, name=name, image_size=image_size, mean=mean, std=std
    )
    study = replace(study, weights=(*study.weights, *([beside] if beside else [])))
    places = on or study.evaluations
    raise typer.Exit(run_evaluation(study, places, Capacity(cpus, gpus), results, dry_run=dry_run, retrain=retrain))
