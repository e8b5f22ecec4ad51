"""Close a study in the tracking store: attach its table, figures, settings and plan."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import yaml

from ftlab.config.loading import experiments_folder, flatten
from ftlab.errors import TrackingError
from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.table.key_numbers import key_numbers
from ftlab.reporting.writers.markdown import table_md
from ftlab.study.plan import Plan
from ftlab.study.spec import StudySpec
from ftlab.terminal.console import complain
from ftlab.tracking.opening import page_link
from ftlab.tracking.tracker import Tracker
from ftlab.tracking.tracking_uri import SERVERS

if TYPE_CHECKING:
    from ftlab.tracking.mlflow.mlflow_tracker import MlflowTracker


def close_study(tracker: Tracker, plan: Plan, table: AblationTable, results: Path, *, complete: bool) -> None:
    """Attach table, figure, experiment, profile, resolved cells and plan to the study's parent run, and end it.

    Its page then shows every trial of the table, whatever study trained it.
    """
    study = plan.study
    with TemporaryDirectory() as temporary:
        artifacts = Path(temporary) / "study"
        shutil.copytree(results, artifacts)
        for source in (f"{study.experiment}.yaml", f"profiles/{study.profile_name}.yaml"):
            shutil.copyfile(experiments_folder() / source, artifacts / source.replace("/", "-"))
        cells = {cell.name: flatten(cell.config) for cell in study.cells}
        (artifacts / "cells.yaml").write_text(yaml.safe_dump(cells, sort_keys=False), encoding="utf-8")
        (artifacts / "plan.json").write_text(json.dumps(_plan_summary(plan), indent=2), encoding="utf-8")
        description = f"{table_md(table)}\n{_reused_note(plan, table)}"
        tracker.show_rows(study.results_name, {trial.trial_key: trial.cell for trial in table.trials})
        tracker.close_study(
            study.results_name,
            description=description,
            artifacts=artifacts,
            complete=complete,
            numbers=key_numbers(table),
        )


@contextmanager
def reporting_refusal() -> Iterator[list[TrackingError]]:
    """Report that a store did not take the end of a study, instead of failing: its table is written.

    Yields:
        A list that then holds the error, if there was one.
    """
    errors: list[TrackingError] = []
    try:
        yield errors
    except TrackingError as error:
        errors.append(error)
        complain(f"The table is written, but could not be attached to the study's run: {error}")


def page_lines(tracker: "MlflowTracker", study: StudySpec) -> tuple[tuple[str, str], ...]:
    """Return a line with the address of a study's page in MLflow, the best trials first; none if no store answers."""
    with suppress(TrackingError):
        link = page_link(tracker, study.experiment, study.results_name, study.metric)
        is_served = tracker.uri.startswith(SERVERS)
        return (("MLflow:" if is_served else f"MLflow, while `make ui EXP={study.experiment}` runs:", link),)
    return ()


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
