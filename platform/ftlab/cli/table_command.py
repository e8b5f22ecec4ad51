"""The command that makes a table anew without training: table."""

import typer

from ftlab.cli.options import (
    RESULTS,
    Experiment,
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
from ftlab.engine.planning import plan_study
from ftlab.publish.table import publish_table
from ftlab.publish.table_options import TableOptions
from ftlab.terminal.console import say
from ftlab.terminal.phase import phase
from ftlab.terminal.plan_listing import sweep_command
from ftlab.terminal.table_listing import print_table
from ftlab.tracking.opening import open_tracker

app = typer.Typer()


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
