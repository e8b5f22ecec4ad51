"""The work of a sweep around its training: plan the missing trials, record them, and close the study."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import yaml

from ftlab.config.home import Home
from ftlab.config.loading import experiments_folder, flatten
from ftlab.errors import FtlabError
from ftlab.reporting.ablation import AblationTable
from ftlab.reporting.markdown import table_md
from ftlab.tracking.tracker import EpochRecord, Outcome, StudyRecord, Tracker
from ftlab.tuning.checkpoints import CheckpointCollector, existing_checkpoints
from ftlab.tuning.claims import TrialClaims
from ftlab.tuning.fingerprint import fingerprint_data
from ftlab.tuning.plan import Plan, is_settled, make_plan
from ftlab.tuning.spec import StudySpec, Trial, expand_trials


def name_trials(study: StudySpec, home: Home) -> list[Trial]:
    """Return the trials of a study with their keys; decodes the data set the first time.

    Raises:
        DataError: The images are missing or unfit.
        ConfigError: The settings do not fit the number of images.
    """
    configs = (cell.config for cell in study.cells)
    return expand_trials(study, fingerprint_data(study.data, configs, home))


def plan_study(study: StudySpec, home: Home, recorded: pd.DataFrame, *, share: bool = True) -> Plan:
    """Return the plan of a study.

    Args:
        study: The study.
        home: Home of caches and checkpoints.
        recorded: The trials in the tracking store.
        share: Whether trials share prefixes.
    """
    return make_plan(study, name_trials(study, home), recorded, existing_checkpoints(home), share=share)


def study_record(study: StudySpec) -> StudyRecord:
    """Return the record of a study for the tracker."""
    tags = {
        "ftlab.profile": study.profile_name,
        "ftlab.metric": study.metric,
        "ftlab.overrides": json.dumps(dict(study.overrides)),
        "ftlab.question": study.question,
    }
    return StudyRecord(study.experiment, study.results_name, tags)


class Housekeeper:
    """The listener that releases a trial's claim when it ends, and the checkpoints that no trial needs.

    Args:
        claims: Claims of this process; the trial's end must be in the journal already.
        collector: Checkpoints of the study.
    """

    def __init__(self, claims: TrialClaims, collector: CheckpointCollector) -> None:
        self._claims = claims
        self._collector = collector

    def trial_started(self, trial: Trial) -> None:
        """Ignore the event: everything is kept."""

    def epochs_trained(self, trial: Trial, epochs: Sequence[EpochRecord]) -> None:
        """Ignore the event: everything is kept."""

    def trial_ended(self, trial: Trial, outcome: Outcome) -> None:
        """Release the claim, and the checkpoints of a trial that needs no more training."""
        self._claims.release(trial.key)
        if is_settled(outcome.status, outcome.reason):
            self._collector.release(trial)


def close_study(tracker: Tracker, plan: Plan, table: AblationTable, results: Path, *, complete: bool) -> None:
    """Attach table, figure, experiment, profile, resolved cells and plan to the study's parent run, and end it."""
    study = plan.study
    with TemporaryDirectory() as temporary:
        artifacts = Path(temporary) / "study"
        shutil.copytree(results, artifacts)
        for source in (f"{study.experiment}.yaml", f"profiles/{study.profile_name}.yaml"):
            shutil.copyfile(experiments_folder() / source, artifacts / source.replace("/", "-"))
        cells = {cell.name: flatten(cell.config) for cell in study.cells}
        (artifacts / "cells.yaml").write_text(yaml.safe_dump(cells, sort_keys=False))
        (artifacts / "plan.json").write_text(json.dumps(_plan_summary(plan), indent=2))
        description = f"{table_md(table)}\n{_reused_note(plan, table)}"
        tracker.close_study(study.results_name, description=description, artifacts=artifacts, complete=complete)


@contextmanager
def exclusive(home: Home, study: StudySpec) -> Iterator[None]:
    """Let one sweep of a study run at a time on this machine.

    Raises:
        FtlabError: Another process is running it.
    """
    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{study.results_name.replace('/', '-')[:200]}.lock").open("w") as lock:
        try:
            flock(lock, LOCK_EX | LOCK_NB)
        except OSError as error:
            raise FtlabError(
                f"a study must be run by one sweep at a time, but {study.results_name} is running already; "
                "wait for it, or stop it."
            ) from error
        yield


def _plan_summary(plan: Plan) -> dict[str, object]:
    return {
        "trials": [trial.key for trial in plan.trials],
        "reused": [trial.key for trial in plan.reused],
        "resumed": {trial.key: plan.start_epochs[trial.key] for trial in plan.resumable},
        "forked": {
            trial.key: {"from": plan.stages[trial.key].parent, "epoch": plan.start_epochs[trial.key]}
            for trial in plan.forked
        },
        "epochs_left": plan.epochs_left,
        "epochs_saved": plan.epochs_saved,
    }


def _reused_note(plan: Plan, table: AblationTable) -> str:
    runs = {trial.trial_key: trial.run_id for trial in table.trials}
    reused = [f"- {trial.name}: run `{runs[trial.key]}`" for trial in plan.reused if trial.key in runs]
    return "\n".join(["Trials recorded before this sweep:", "", *reused]) if reused else ""
