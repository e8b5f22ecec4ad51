"""The names and notes that optuna-dashboard shows of a search and its trials."""

import warnings
from collections.abc import Sequence

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna_dashboard import save_note
from optuna_dashboard._note import get_note_from_system_attrs

from ftlab.reporting.printed.metric_labels import metric_label
from ftlab.reporting.search.findings import SearchTrial
from ftlab.reporting.search.tables import HOURS, value_text
from ftlab.search.scope import SearchSpec
from ftlab.search.verdict import KNN

LAST_NOTE = "note"  # attribute of a study: the note as it was written last


def describe_search(study: optuna.Study, spec: SearchSpec, trials: Sequence[SearchTrial]) -> None:
    """Name the objectives of a search, and write its question, its scales and its best trials in the study's note.

    A note that a person changed stays as it is.

    Args:
        study: The search on record.
        spec: The search.
        trials: The best trials so far, the best first.
    """
    names = [metric_label(spec.study.metric), HOURS][: 1 + spec.has_cost]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names(names)
    note = "\n\n".join([f"# {spec.study.question}", *_scales(spec, names), *_best(spec, trials)])
    shown = get_note_from_system_attrs(study._storage.get_study_system_attrs(study._study_id), None)["body"]
    if shown != note and shown == study.user_attrs.get(LAST_NOTE, ""):
        save_note(study, note)
        study.set_user_attr(LAST_NOTE, note)


def name_trial(trial: optuna.Trial, name: str) -> None:
    """Write the name of a known configuration in its trial's note."""
    save_note(trial, f"# {name}\n\nA known configuration, with which the others are compared.")


def _scales(spec: SearchSpec, names: Sequence[str]) -> list[str]:
    lines = [f"The objective is **{' and '.join(names)}**, once, after the last epoch."]
    if spec.early_stopping and spec.study.metric != KNN:
        lines.append(
            f"Intermediate values are **{metric_label(KNN)}**, another scale: by them trials are stopped early, and no "
            "value is compared with the objective."
        )
    return lines


def _best(spec: SearchSpec, trials: Sequence[SearchTrial]) -> list[str]:
    places = enumerate(trials, 1)
    lines = [f"{place}. trial {trial.number}: {value_text(trial)}{_name(trial)}" for place, trial in places]
    return [f"Best so far by {metric_label(spec.study.metric)}:", "\n".join(lines)] if lines else []


def _name(trial: SearchTrial) -> str:
    return "" if trial.name == f"trial {trial.number}" else f" ({trial.name})"
