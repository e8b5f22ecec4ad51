"""The command line: plan, sweep, table, train, ui, config, schema. With its display, the only module that prints."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from rich.console import Console
from rich.markdown import Markdown

from ftlab.config.experiment import ExperimentConfig, ProfileConfig, ResourcesConfig
from ftlab.config.home import ftlab_home
from ftlab.config.loading import experiments_folder, load_profile, parse_overrides
from ftlab.display import StudyDisplay
from ftlab.errors import FtlabError
from ftlab.plan_listing import plan_lines, plan_summary, sweep_command
from ftlab.tracking.journal import Journal
from ftlab.tracking.tracker import Outcome, TrialStatus
from ftlab.tracking.tracking_uri import default_tracking_uri
from ftlab.tracking.writer import TrackingWriter
from ftlab.tuning.checkpoints import CheckpointCollector
from ftlab.tuning.plan import Plan, is_settled
from ftlab.tuning.session import Capacity, RaySession
from ftlab.tuning.spec import StudySpec, load_study, single_trial_study
from ftlab.tuning.sweep import (
    TrialRecorder,
    close_study,
    exclusive,
    name_trials,
    plan_study,
    study_record,
    tabulate,
    write_results,
)

if TYPE_CHECKING:
    import pandas as pd

    from ftlab.reporting.ablation import AblationTable
    from ftlab.tracking.mlflow_tracker import MlflowTracker

app = typer.Typer(
    help="Ablation tables for contrastive learning as build targets.", no_args_is_help=True, add_completion=False
)
console = Console()
error_console = Console(stderr=True)

Experiment = Annotated[str, typer.Argument(help="Experiment: a file in experiments/, without its ending.")]
Profile = Annotated[str, typer.Option(help="Scale: a file in experiments/profiles/, without its ending.")]
Seeds = Annotated[int | None, typer.Option(help="Trials a cell; without it, what the experiment says.")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="Setting of every cell, as name=value.")]
Cpus = Annotated[int | None, typer.Option(help="CPU cores of this machine to use; without it, all.")]
Gpus = Annotated[int | None, typer.Option(help="GPUs of this machine to use; without it, all.")]
Results = Annotated[Path, typer.Option(help="Folder of tables and figures.")]

RESULTS = Path("results")
INTERRUPTED = Outcome(TrialStatus.INTERRUPTED)


@app.command()
def plan(
    experiment: Experiment,
    profile: Profile = "digits",
    seeds: Seeds = None,
    overrides: Overrides = None,
    cpus: Cpus = None,
) -> None:
    """List the trials that a sweep would train, resume and reuse, and what they would cost."""
    study = _load(experiment, profile, seeds, overrides)
    found = plan_study(study, ftlab_home(), _open_tracker().load_trials())
    for line in (*plan_lines(found), plan_summary(found, cpus)):
        _say(line)


@app.command()
def sweep(
    experiment: Experiment,
    profile: Profile = "digits",
    seeds: Seeds = None,
    overrides: Overrides = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    results: Results = RESULTS,
) -> None:
    """Train what the table still lacks, record it, and write and print the table."""
    study = _load(experiment, profile, seeds, overrides)
    with exclusive(ftlab_home(), study):
        status = _sweep(study, Capacity(cpus, gpus), results, all_seeds=seeds is None)
    raise typer.Exit(status)


@app.command()
def table(
    experiment: Experiment,
    profile: Profile = "digits",
    seeds: Seeds = None,
    overrides: Overrides = None,
    results: Results = RESULTS,
) -> None:
    """Rebuild the table from the tracking store without training anything."""
    study = _load(experiment, profile, seeds, overrides)
    tracker = _open_tracker()
    tracker.reconcile()
    recorded = tracker.load_trials()
    found = plan_study(study, ftlab_home(), recorded)
    _print_table(tabulate(study, found.trials, recorded, all_seeds=seeds is None), results / study.results_name)
    if found.todo:
        _say(f"{len(found.todo)} of {len(found.trials)} trials are not recorded yet: {sweep_command(study)}")


@app.command()
def train(profile: Profile = "digits", seed: int = 0, overrides: Overrides = None) -> None:
    """Train a single trial in this process, without Ray, and record it."""
    import torch

    from ftlab.build.trainer import make_device, pin_threads
    from ftlab.tuning.trial import run_here

    study = single_trial_study(profile, load_profile(profile), seed, parse_overrides(overrides or []))
    home, tracker = ftlab_home(), _open_tracker()
    resources = study.profile.resources
    pin_threads(resources)
    device: torch.device = make_device(resources.device)
    found = plan_study(study, home, tracker.load_trials())
    if not found.todo:
        _say(f"trained already: {found.trials[0].key}; see it with: make ui EXP=train")
        return
    tracker.open_study(study_record(study))
    writer = TrackingWriter(tracker, Journal(home / "trials"))
    run_here(
        found.todo[0],
        home=home,
        device=device,
        checkpoint_seconds=resources.checkpoint_seconds,
        listeners=[TrialRecorder(study.results_name, writer), StudyDisplay(console, found, every_epoch=True)],
    )
    _report_undelivered(writer.close())
    tracker.close_study(study.results_name, description=study.question, artifacts=None, complete=True)


@app.command()
def ui(
    experiment: Annotated[str | None, typer.Argument(help="Experiment to link to.")] = None, port: int = 5000
) -> None:
    """Serve MLflow's pages on 127.0.0.1 until Ctrl-C, and print the link to the experiment."""
    tracker = _open_tracker()
    is_server = tracker.uri.startswith(("http://", "https://"))
    base = tracker.uri.rstrip("/") if is_server else f"http://127.0.0.1:{port}"
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
def config(
    experiment: Experiment, profile: Profile = "digits", seeds: Seeds = None, overrides: Overrides = None
) -> None:
    """Print the resolved settings of every cell, checked as a sweep would check them."""
    study = _load(experiment, profile, seeds, overrides)
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
def schema(folder: Annotated[Path | None, typer.Argument(help="Where to write; experiments/schema.")] = None) -> None:
    """Write the JSON schemas with which editors complete experiment and profile files."""
    target = folder or experiments_folder() / "schema"
    target.mkdir(parents=True, exist_ok=True)
    for name, model in (("experiment", ExperimentConfig), ("profile", ProfileConfig)):
        (target / f"{name}.json").write_text(json.dumps(model.model_json_schema(), indent=2) + "\n")


def _sweep(study: StudySpec, capacity: Capacity, results: Path, *, all_seeds: bool) -> int:
    home = ftlab_home()
    journal = Journal(home / "trials")
    ended_here = journal.finished_keys()
    collector = CheckpointCollector(home, study.results_name)
    session = RaySession(capacity)
    try:
        # Ray starts while the data set is decoded and the tracking store is opened, unless nothing seems to be missing.
        if not ended_here or any(trial.key not in ended_here for trial in name_trials(study, home)):
            session.start()
        found, outcomes, recorded = _train_missing(study, journal, session, collector)
    finally:
        session.stop()
    made = tabulate(study, found.trials, recorded, all_seeds=all_seeds)
    _print_table(made, results / study.results_name)
    interrupted = any(not outcomes.get(trial.key, INTERRUPTED).status.is_final for trial in found.todo)
    if collector.has_claim:
        close_study(_open_tracker(), found, made, results / study.results_name, complete=not interrupted)
        settled = {key for key, outcome in outcomes.items() if is_settled(outcome.status, outcome.reason)}
        collector.claim([trial for trial in found.todo if trial.key not in settled])
        collector.collect()
    if interrupted:
        _say(f"Stopped. What is trained is kept; to go on: {sweep_command(study)}")
        return 130
    failed = [outcome for outcome in outcomes.values() if not is_settled(outcome.status, outcome.reason)]
    if failed:
        error_console.print(f"{len(failed)} trials failed; to try them again: {sweep_command(study)}", soft_wrap=True)
    return 1 if failed else 0


def _train_missing(
    study: StudySpec, journal: Journal, session: RaySession, collector: CheckpointCollector
) -> "tuple[Plan, dict[str, Outcome], pd.DataFrame]":
    home, tracker = ftlab_home(), _open_tracker()
    tracker.reconcile()
    recorded = tracker.load_trials()
    found = plan_study(study, home, recorded)
    # A claim that is left although nothing is missing: the last sweep was killed before it closed its study.
    if not found.todo and not collector.has_claim:
        _say(plan_summary(found, session.capacity.cpus))
        return found, {}, recorded
    tracker.open_study(study_record(study))
    if found.todo:
        collector.claim(found.todo)
    writer = TrackingWriter(tracker, journal)
    if writer.replay([trial.key for trial in found.todo], study.results_name):
        found = plan_study(study, home, tracker.load_trials())
    _say(plan_summary(found, session.capacity.cpus))
    try:
        outcomes = _train(found, writer, session) if found.todo else {}
    finally:
        _report_undelivered(writer.close())
    return found, outcomes, tracker.load_trials()


def _train(found: Plan, writer: TrackingWriter, session: RaySession) -> dict[str, Outcome]:
    home, study = ftlab_home(), found.study
    with StudyDisplay(console, found) as display, session:
        # Ray takes seconds to import, and a sweep with nothing to train never needs it.
        from ftlab.tuning.study import run_study

        return run_study(
            found.todo,
            home=home,
            resources=_resources(study, session.capacity),
            listeners=[TrialRecorder(study.results_name, writer), display],
        )


def _load(experiment: str, profile: str, seeds: int | None, overrides: list[str] | None) -> StudySpec:
    return load_study(experiment, profile, num_seeds=seeds, overrides=parse_overrides(overrides or []))


def _open_tracker() -> "MlflowTracker":
    from ftlab.tracking.mlflow_tracker import MlflowTracker

    home = ftlab_home()
    uri = os.environ.get("MLFLOW_TRACKING_URI") or default_tracking_uri(home.local)
    return MlflowTracker(uri, home / "artifacts")


def _resources(study: StudySpec, capacity: Capacity) -> ResourcesConfig:
    resources = study.profile.resources
    return resources.model_copy(update={"gpus_per_trial": 0.0}) if capacity.gpus == 0 else resources


def _print_table(made: "AblationTable", folder: Path) -> None:
    from ftlab.reporting.markdown import table_md

    paths = write_results(made, folder)
    console.print(Markdown(table_md(made)))
    _say(f"{folder}: {', '.join(path.name for path in paths)}")


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _report_undelivered(keys: list[str]) -> None:
    if keys:
        error_console.print(
            f"{len(keys)} trials could not be recorded: the tracking store did not answer. "
            "They are kept, and the next sweep records them without training."
        )


def main() -> None:
    """Run a command; an error that the user can act on is one message and exit status 1."""
    try:
        app(standalone_mode=True)
    except FtlabError as error:
        error_console.print(f"error: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)
