"""The results of a search: its report, the best configuration as an experiment, the parent run's artifacts."""

import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import yaml

from ftlab.config.experiment import ExperimentConfig
from ftlab.config.loading import experiments_folder
from ftlab.reporting.search.files import write_search
from ftlab.reporting.search.findings import SearchReport, SearchTrial
from ftlab.reporting.search.tables import search_md
from ftlab.search.importance import compute_importance
from ftlab.search.ledger import SearchLedger
from ftlab.search.scope import SearchSpec
from ftlab.search.verdict import KNN
from ftlab.storage.atomic import write_if_changed
from ftlab.tracking.tracker import Tracker

if TYPE_CHECKING:
    import pandas as pd

BEST = "best.yaml"
BEST_SEEDS = 3


def make_report(spec: SearchSpec, ledger: SearchLedger, recorded: "pd.DataFrame") -> SearchReport:
    """Return the report of a search.

    Args:
        spec: The search.
        ledger: Its record.
        recorded: The trials in the tracking store, for their runs.
    """
    runs = dict(zip(recorded["trial_key"], recorded["run_id"], strict=True))
    trials = [replace(row, run_ids=tuple(runs[key] for key in row.trial_keys if key in runs)) for row in ledger.rows()]
    return SearchReport(
        name=spec.study.experiment,
        title=spec.study.question,
        metric=spec.study.metric,
        settings=tuple(spec.space.dimensions),
        trials=tuple(trials),
        known=tuple(spec.known),
        has_cost=spec.has_cost,
        importance=compute_importance(ledger.study),
        stopped_by=KNN if spec.early_stopping else "",
    )


def best_experiment(spec: SearchSpec, report: SearchReport) -> str | None:
    """Return the best configuration beside the known ones as an experiment file; None without results.

    With cost as an objective it holds the Pareto front.
    """
    if report.best is None:
        return None
    chosen = report.front if report.has_cost else (report.best,)
    known = [point.settings for point in spec.known.values()]
    found = [trial for trial in chosen if trial.settings not in known]
    cells = [{"name": cell.name, "set": dict(cell.settings)} for cell in spec.study.cells]
    cells += [{"name": _cell_name(trial, report), "set": _settings(trial)} for trial in found]
    content = {
        "question": f"Is what {report.name} found as good with other seeds?",
        "seeds": BEST_SEEDS,
        **({"metric": spec.config.metric} if spec.config.metric else {}),
        "overrides": {**spec.config.overrides, **spec.study.overrides},
        "cells": cells,
        "baseline": spec.study.cells[0].name,
    }
    ExperimentConfig.model_validate(content)
    return _header(spec, report, bool(found)) + yaml.safe_dump(
        content, sort_keys=False, width=120, default_flow_style=None
    )


def write_search_results(spec: SearchSpec, report: SearchReport, folder: Path) -> list[Path]:
    """Write the report and the best configuration below ``folder``; unchanged files are left alone."""
    paths = write_search(report, folder)
    best = best_experiment(spec, report)
    if best is not None:
        write_if_changed(folder / BEST, best.encode())
        paths.append(folder / BEST)
    return paths


def close_search(tracker: Tracker, spec: SearchSpec, report: SearchReport, results: Path, *, complete: bool) -> None:
    """Attach results, search file and profile to the search's parent run, and end it."""
    with TemporaryDirectory() as temporary:
        artifacts = Path(temporary) / "study"
        shutil.copytree(results, artifacts)
        for source in (f"{spec.study.experiment}.yaml", f"profiles/{spec.study.profile_name}.yaml"):
            shutil.copyfile(experiments_folder() / source, artifacts / source.replace("/", "-"))
        tracker.show_rows(spec.name, {key: trial.name for trial in report.results for key in trial.trial_keys})
        tracker.close_study(spec.name, description=search_md(report), artifacts=artifacts, complete=complete)


def _header(spec: SearchSpec, report: SearchReport, is_better: bool) -> str:
    study, name = spec.study, f"{spec.study.experiment}_best"
    profile = "" if study.profile_name == "digits" else f" PROFILE={study.profile_name}"
    best = report.best
    assert best is not None  # noqa: S101 - the caller made sure
    observed = f"{report.metric} {best.value:.1f} of {best.name} in the search, with seeds {list(study.seeds)}"
    if report.reference is not None:
        observed += f"; {report.reference.value:.1f} of {report.reference.name}"
    lines = [
        "# yaml-language-server: $schema=schema/experiment.json",
        f"# Question:  is what {report.name} found as good with other seeds?",
        f"# Command:   make sweep EXP={name}{profile}",
        f"# Copy:      this file to experiments/{name}.yaml first",
        f"# Observed:  {observed}",
        "# The seeds of the search chose this configuration, so their values flatter it; the others do not.",
    ]
    if not is_better:
        lines.append("# The search found nothing better than what was known.")
    return "\n".join(lines) + "\n"


def _cell_name(trial: SearchTrial, report: SearchReport) -> str:
    return f"{trial.name} of {report.name}" if report.has_cost else "best"


def _settings(trial: SearchTrial) -> dict[str, object]:
    return {name: list(value) if isinstance(value, list | tuple) else value for name, value in trial.settings.items()}
