"""The command that lists the trials of a sweep and estimates their cost: plan."""

from dataclasses import replace

import typer

from ftlab.cli.options import Cpus, Experiment, Gpus, MaxTrials, Overrides, Profile, Seeds, Share, load_asked
from ftlab.config.home import ftlab_home
from ftlab.engine.planning import plan_study
from ftlab.estimate.pricing import MAX_PROBES
from ftlab.estimate.quote import make_quote
from ftlab.machine.capacity import Capacity
from ftlab.terminal.console import say
from ftlab.terminal.plan_listing import plan_lines, plan_summary, quote_lines
from ftlab.tracking.opening import open_tracker

app = typer.Typer()


@app.command()
def plan(
    experiment: Experiment,
    profile: Profile = "digits",
    seeds: Seeds = None,
    overrides: Overrides = None,
    max_trials: MaxTrials = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    share: Share = True,
) -> None:
    """List the trials that a sweep would train, resume or reuse, and estimate their cost."""
    study, auto = load_asked(experiment, profile, seeds, overrides, max_trials)
    if auto:
        study = replace(study, seeds=tuple(range(auto.rule.max_seeds)))
    found = plan_study(study, ftlab_home(), open_tracker(ftlab_home().local).load_trials(), share=share)
    for line in (*plan_lines(found), plan_summary(found)):
        say(line)
    if found.todo:
        quote = make_quote(found, home=ftlab_home(), capacity=Capacity(cpus, gpus), max_probes=MAX_PROBES)
        for line in quote_lines(quote, at_most=auto is not None):
            say(line)
