"""The command line: plan, sweep, table, train, ui, config, schema, and the commands of other files."""

import gc
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
import yaml

from ftlab import doctor_command, export_command, journal_command, search_command, store_command, trace_command
from ftlab.config.home import ftlab_home
from ftlab.config.json_schemas import json_schemas
from ftlab.config.loading import experiments_folder, load_profile, parse_overrides
from ftlab.console import console, error_console, report_undelivered, say
from ftlab.credentials import without_credentials
from ftlab.display import StudyDisplay
from ftlab.errors import FREE_SPACE, FtlabError, is_disk_full
from ftlab.options import (
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
    Share,
)
from ftlab.plan_listing import plan_lines, plan_summary, quote_lines, sweep_command
from ftlab.sweep_command import Sweep, print_table
from ftlab.tracking.journal import Journal
from ftlab.tracking.opening import open_tracker
from ftlab.tracking.writer import TrackingWriter
from ftlab.tuning.hardware import find_hardware
from ftlab.tuning.pricing import MAX_PROBES
from ftlab.tuning.quote import make_quote
from ftlab.tuning.recorder import TrialRecorder
from ftlab.tuning.seeding.auto import AutoSeeds, parse_seeds
from ftlab.tuning.session import Capacity
from ftlab.tuning.spec import StudySpec, load_study, single_trial_study
from ftlab.tuning.sweep import plan_study, study_record
from ftlab.tuning.table import publish_table
from ftlab.tuning.table_options import TableOptions

if TYPE_CHECKING:
    import torch

app = typer.Typer(
    help="Ablation tables for contrastive learning as build targets.", no_args_is_help=True, add_completion=False
)
app.add_typer(search_command.app)
app.add_typer(trace_command.app)
app.add_typer(store_command.app)
app.add_typer(journal_command.app)
app.add_typer(doctor_command.app)
app.add_typer(export_command.app)


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
    study, auto = _load(experiment, profile, seeds, overrides, max_trials)
    if auto:
        study = replace(study, seeds=tuple(range(auto.rule.max_seeds)))
    found = plan_study(study, ftlab_home(), open_tracker(ftlab_home().local).load_trials(), share=share)
    for line in (*plan_lines(found), plan_summary(found)):
        say(line)
    if found.todo:
        quote = make_quote(found, home=ftlab_home(), capacity=Capacity(cpus, gpus), max_probes=MAX_PROBES)
        for line in quote_lines(quote, at_most=auto is not None):
            say(line)


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
    study, auto = _load(experiment, profile, seeds, overrides, max_trials)
    options = TableOptions(all_seeds=seeds is None, auto=auto, interval=interval)
    raise typer.Exit(Sweep(study, Capacity(cpus, gpus), results, options, share).run())


@app.command()
def table(
    experiment: Experiment,
    profile: Profile = "digits",
    seeds: Seeds = None,
    overrides: Overrides = None,
    max_trials: MaxTrials = None,
    interval: IntervalKind = "t",
    results: Results = RESULTS,
) -> None:
    """Rebuild the table from the tracking store without training anything."""
    study, auto = _load(experiment, profile, seeds, overrides, max_trials)
    tracker = open_tracker(ftlab_home().local)
    tracker.reconcile()
    recorded = tracker.load_trials()
    found = plan_study(study, ftlab_home(), recorded)
    folder = results / study.results_name
    made, paths = publish_table(
        study,
        found.trials,
        recorded,
        tracker,
        folder,
        TableOptions(all_seeds=seeds is None, auto=auto, interval=interval),
        command=sweep_command(study, auto),
    )
    print_table(made, folder, paths)
    if found.todo:
        say(f"{len(found.todo)} of {len(found.trials)} trials are not recorded yet: {sweep_command(study, auto)}")


@app.command()
def train(profile: Profile = "digits", seed: int = 0, overrides: Overrides = None) -> None:
    """Train a single trial in this process, without Ray, and record it."""
    from ftlab.build.trainer import make_device, prepare_process
    from ftlab.tuning.feed import Assignment
    from ftlab.tuning.here import run_here
    from ftlab.tuning.ranked_run import run_starter

    study = single_trial_study(profile, load_profile(profile), seed, parse_overrides(overrides or []))
    home, tracker = ftlab_home(), open_tracker(ftlab_home().local)
    resources = study.profile.resources
    prepare_process(resources)
    device: torch.device = make_device(resources.device)
    found = plan_study(study, home, tracker.load_trials())
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
        start=run_starter(resources.num_processes),
        listeners=[
            TrialRecorder(study.results_name, writer, find_hardware(resources, together=1)),
            StudyDisplay(console, found, every_epoch=True),
        ],
    )
    report_undelivered(writer.close(), "sweep")
    tracker.close_study(study.results_name, description=study.question, artifacts=None, complete=True)


@app.command()
def ui(
    experiment: Annotated[str | None, typer.Argument(help="Experiment to link to.")] = None, port: int = 5000
) -> None:
    """Serve MLflow's pages on 127.0.0.1 until Ctrl-C, and print the link to the experiment."""
    tracker = open_tracker(ftlab_home().local)
    is_server = tracker.uri.startswith(("http://", "https://"))
    base = without_credentials(tracker.uri.rstrip("/")) if is_server else f"http://127.0.0.1:{port}"
    found = tracker.find_experiment_id(experiment) if experiment else None
    console.print(f"{base}/#/experiments/{found}/runs?workflowType=machine_learning" if found else base, soft_wrap=True)
    if is_server:
        return
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", tracker.uri]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--allowed-hosts", f"127.0.0.1:{port},localhost:{port}"]
    # The job runner takes three quarters of the server's memory, and nothing here uses it.
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    raise typer.Exit(subprocess.call(command, env={**environment, **os.environ}))  # noqa: S603 - fixed arguments


@app.command()
def dashboard(port: int = 8050) -> None:
    """Serve the score explorer on 127.0.0.1 until Ctrl-C, and print its link."""
    raise typer.Exit(subprocess.call([sys.executable, "-m", "explorer", "--port", str(port)]))  # noqa: S603 - fixed


@app.command()
def config(
    experiment: Experiment, profile: Profile = "digits", seeds: Seeds = None, overrides: Overrides = None
) -> None:
    """Print the resolved settings of every cell, checked as a sweep would check them."""
    study, _ = _load(experiment, profile, seeds, overrides)
    content = {
        "experiment": study.experiment,
        "profile": study.profile_name,
        "metric": study.metric,
        "seeds": list(study.seeds),
        "resources": study.profile.resources.model_dump(mode="json"),
        "cells": {cell.name: cell.config.model_dump(mode="json", exclude={"seed"}) for cell in study.cells},
    }
    console.print(yaml.safe_dump(content, sort_keys=False), end="", markup=False, highlight=False, soft_wrap=True)


@app.command()
def schema(
    folder: Annotated[Path | None, typer.Argument(help="Folder to write to; by default experiments/schema.")] = None,
) -> None:
    """Write the JSON schemas that let editors complete experiment, profile and search files."""
    target = folder or experiments_folder() / "schema"
    target.mkdir(parents=True, exist_ok=True)
    for name, content in json_schemas().items():
        path = target / f"{name}.json"
        path.write_text(json.dumps(content, indent=2) + "\n")
        say(f"{path}: completes and checks every {name} file")


def _load(
    experiment: str, profile: str, seeds: str | None, overrides: list[str] | None, max_trials: int | None = None
) -> tuple[StudySpec, AutoSeeds | None]:
    """Return the study with the first seeds of every cell, and the rule for further seeds if there is one."""
    asked = parse_seeds(seeds, max_trials)
    auto, num_seeds = (asked, asked.rule.first_seeds) if isinstance(asked, AutoSeeds) else (None, asked)
    study = load_study(experiment, profile, num_seeds=num_seeds, overrides=parse_overrides(overrides or []))
    return study, auto


def main() -> None:
    """Run a command; report an error that the user can act on as one message, with exit status 1."""
    # Stores and figures make objects by the 100,000: with Python's thresholds the collector takes a tenth of the time.
    gc.set_threshold(100_000, 50, 50)
    try:
        app(standalone_mode=True)
    except FtlabError as error:
        _exit_with(str(error))
    except OSError as error:
        if not is_disk_full(error):
            raise
        _exit_with(f"a disk must have space left, but {error}. {FREE_SPACE}")


def _exit_with(message: str) -> NoReturn:
    error_console.print(f"error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(1)
