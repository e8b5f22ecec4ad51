"""The command that trains one trial in this process: train."""

from typing import TYPE_CHECKING, Annotated

import typer

from ftlab.cli.options import Overrides, Profile
from ftlab.config.home import ftlab_home
from ftlab.config.loading import load_profile, parse_overrides
from ftlab.engine.planning import plan_study
from ftlab.machine.hardware import find_hardware
from ftlab.running.recorder import TrialRecorder, study_record
from ftlab.study.spec import single_trial_study
from ftlab.terminal.console import console, report_refused, report_undelivered, say
from ftlab.terminal.phase import phase
from ftlab.terminal.study_display import StudyDisplay
from ftlab.tracking.journal import Journal
from ftlab.tracking.opening import open_tracker
from ftlab.tracking.writer import TrackingWriter

if TYPE_CHECKING:
    import torch

app = typer.Typer()

Seed = Annotated[int, typer.Option(metavar="N", help="Seed of the trial.")]


@app.command()
def train(profile: Profile = "digits", seed: Seed = 0, overrides: Overrides = None) -> None:
    """Train a single trial in this process, without Ray, and record it."""
    from ftlab.assembly.process import make_device, prepare_process
    from ftlab.running.feed import Assignment
    from ftlab.running.here import run_here
    from ftlab.running.ranked_run import run_starter

    study = single_trial_study(profile, load_profile(profile), seed, parse_overrides(overrides or []))
    with phase("reading the tracking store and the images"):
        home, tracker = ftlab_home(), open_tracker(ftlab_home().local)
        resources = study.profile.resources
        prepare_process(resources)
        device: torch.device = make_device(resources.device)
        found = plan_study(study, home, tracker.load_trials())
    for note in found.data_notes:
        say(note)
    if not found.todo:
        say(f"trained already: {found.trials[0].key}; see it with: make ui EXP=train")
        return
    tracker.open_study(study_record(study))
    writer = TrackingWriter(tracker, Journal(home / "trials"))
    run_here(
        Assignment(found.todo[0]),
        home=home,
        device=device,
        checkpoint_seconds=resources.checkpoint_seconds,
        start=run_starter(resources.num_processes, resources.keep),
        listeners=[
            TrialRecorder(study.results_name, writer, find_hardware(resources, together=1)),
            StudyDisplay(console, found, every_epoch=True),
        ],
    )
    undelivered = writer.close()
    tracker.close_study(study.results_name, description=study.question, artifacts=None, complete=True)
    report_undelivered(undelivered, "sweep")
    report_refused(writer.refused, "sweep")
