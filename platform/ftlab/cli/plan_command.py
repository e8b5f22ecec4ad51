"""The command that lists the trials of a sweep and estimates their cost: plan."""

from dataclasses import replace

import typer

from ftlab.cli.options import Cpus, Experiment, Gpus, MaxTrials, Overrides, Profile, Seeds, Share, load_asked
from ftlab.config.home import ftlab_home
from ftlab.engine.backbone_room import expected_bytes
from ftlab.engine.judging.evaluation_plan import plan_judging
from ftlab.engine.planning import plan_study
from ftlab.estimate.known_costs import MAX_CALIBRATIONS
from ftlab.estimate.resource_plan import plan_resources
from ftlab.machine.capacity import Capacity
from ftlab.running.kept_backbones import KeptBackbones
from ftlab.terminal.backbone_listing import room_lines, taken_line
from ftlab.terminal.console import say
from ftlab.terminal.phase import phase
from ftlab.terminal.plan_listing import plan_lines, plan_summary, resource_lines
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
    home, capacity = ftlab_home(), Capacity(cpus, gpus)
    with phase("reading the tracking store and the images"):
        tracker = open_tracker(home.local)
        found = plan_study(study, home, tracker.load_trials(), share=share)
    resource_plan = None
    if found.todo:
        with phase("estimating the time: kinds of trials that were never recorded are calibrated by a few steps"):
            resource_plan = plan_resources(found, home=home, capacity=capacity, max_calibrations=MAX_CALIBRATIONS)
    estimate = resource_plan.estimate if resource_plan else None
    for line in (*plan_lines(found, estimate.seconds if estimate else {}), *found.data_notes, plan_summary(found)):
        say(line)
    if resource_plan:
        room = KeptBackbones(home).room_for(expected_bytes(resource_plan))
        lines = [*resource_lines(resource_plan, at_most=auto is not None), f"kept: {taken_line(room)}"]
        for line in (*lines, *room_lines(room, done=False)):
            say(line)
    if study.evaluations:
        say(f"on other images, by make evaluate EXP={experiment}:")
        for line in plan_judging(study, study.evaluations, capacity, home, tracker).lines():
            say(line)
