"""The layout of trials and studies in MLflow: the tags of their runs, and the reading of a run as a trial."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ftlab.tracking.mlflow.run_texts import EXPERIMENT_NOTE, VIEW_PREFIX, runs_view, trial_name, trial_note
from ftlab.tracking.records import Outcome, StudyRecord, TrialRecord, TrialStatus
from ftlab.tracking.tracker import own_tags

if TYPE_CHECKING:
    from mlflow.entities import Run

LAYOUT_TAG = "ftlab.layout"
LAYOUT_VERSION = "1"
MODEL_TRAINING = {"mlflow.experimentKind": "custom_model_development"}  # else MLflow opens pages for language models
KIND_TAG = "ftlab.kind"
DRIVER_TAG = "ftlab.driver"
STUDY_TAG = "ftlab.study"
TRIAL_KEY_TAG = "ftlab.trial_key"
CELL_KEY_TAG = "ftlab.cell_key"
SEED_TAG = "ftlab.seed"
STATUS_TAG = "ftlab.status"
REASON_TAG = "ftlab.reason"
COLLAPSE_TAG = "ftlab.collapse"
CELL_TAG = "ftlab.cell"  # name of a run's row in the table of its study
REFERENCE_TAG = "ftlab.reference"  # the run of another study that this one only points to
COPY_OF_TAG = "ftlab.copy_of"  # the run of another store that this one is a copy of
COPY_TAG = "ftlab.copy"
COPY_BEGUN, COPY_COMPLETE = "begun", "complete"
DESCRIPTION_TAG = "mlflow.note.content"
PARENT_TAG = "mlflow.parentRunId"

MAX_METRICS = 1000
MAX_PARAMS = 100
MAX_PARAM_LENGTH = 6000
MAX_TAG_LENGTH = 8000

TRIAL_RUNS = f"tags.`{KIND_TAG}` = 'trial'"

COLLAPSED_METRIC = "collapsed"  # of a trial that was trained to its end: 1 if its method says that it collapsed
TABLE_PREFIX = "table/"  # of the metrics of a study

RUN_STATUS = {
    TrialStatus.RUNNING: "RUNNING",
    TrialStatus.INTERRUPTED: "KILLED",
    TrialStatus.FINISHED: "FINISHED",
    TrialStatus.COLLAPSED: "FINISHED",
    TrialStatus.FAILED: "FAILED",
    TrialStatus.PRUNED: "KILLED",
}


def study_filter(study: str) -> str:
    """Return the search condition for a study's parent run."""
    return f"tags.`{KIND_TAG}` = 'study' AND tags.`{STUDY_TAG}` = {_quoted(study)}"


def page_filter(study: str) -> str:
    """Return the search condition for all runs of a study's page."""
    return f"tags.`{STUDY_TAG}` = {_quoted(study)}"


def experiment_tags(study: StudyRecord) -> dict[str, str]:
    """Return the tags of a study's experiment: its description, and how the study's runs are listed by its metric."""
    note = EXPERIMENT_NOTE.format(question=study.tags.get("ftlab.question", "")).strip()
    metric = study.tags.get("ftlab.metric", "")
    key, view = runs_view(page_filter(study.study), metric)
    return {DESCRIPTION_TAG: note, **({f"{VIEW_PREFIX}{key}": view} if metric else {})}


def references_filter(study: str) -> str:
    """Return the search condition for a study's references to trials of other studies."""
    return f"tags.`{KIND_TAG}` = 'reference' AND {page_filter(study)}"


def children_filter(study: str) -> str:
    """Return the search condition for the runs of a study's trials."""
    return f"{TRIAL_RUNS} AND tags.`{STUDY_TAG}` = {_quoted(study)}"


def trial_filter(trial_key: str) -> str:
    """Return the search condition for a trial's runs."""
    return f"tags.`{TRIAL_KEY_TAG}` = {_quoted(trial_key)}"


def study_tags(study: StudyRecord) -> dict[str, str]:
    """Return the tags by which a parent run is found again."""
    return {KIND_TAG: "study", STUDY_TAG: study.study}


def trial_tags(trial: TrialRecord, parent_run_id: str) -> dict[str, str]:
    """Return the tags by which a child run is found again, and that make it a child of its parent."""
    return {
        PARENT_TAG: parent_run_id,
        KIND_TAG: "trial",
        STUDY_TAG: trial.study,
        TRIAL_KEY_TAG: trial.trial_key,
        CELL_KEY_TAG: trial.cell_key,
        SEED_TAG: str(trial.seed),
        CELL_TAG: trial.cell,
        DESCRIPTION_TAG: trial_note(trial),
    }


def running_tags(driver: str) -> dict[str, str]:
    """Return the tags of a run while a driver writes it."""
    return {DRIVER_TAG: driver, STATUS_TAG: str(TrialStatus.RUNNING), REASON_TAG: ""}


def outcome_tags(outcome: Outcome) -> dict[str, str]:
    """Return the tags of a run whose trial or study ended."""
    tags = {**own_tags(outcome.tags), STATUS_TAG: str(outcome.status), REASON_TAG: outcome.reason}
    return {**tags, COLLAPSE_TAG: "true"} if outcome.status is TrialStatus.COLLAPSED else tags


def run_status(run: "Run") -> TrialStatus:
    """Return the state of a run's trial."""
    return TrialStatus(run.data.tags[STATUS_TAG])


def preferred_run(runs: Sequence["Run"]) -> "Run":
    """Return the run that counts if two drivers began a trial at once: one with a result, else the latest."""
    return max(runs, key=lambda run: (run_status(run).is_result, run.info.start_time))


def trial_row(run: "Run", experiment: str) -> dict[str, object]:
    """Return a run as a row of `trials_frame`."""
    tags = run.data.tags
    return {
        # First, so that no metric's name overwrites a column that identifies the trial.
        **{name: unbounded(value) for name, value in run.data.metrics.items() if name != COLLAPSED_METRIC},
        "trial_key": tags[TRIAL_KEY_TAG],
        "cell_key": tags[CELL_KEY_TAG],
        "seed": int(tags[SEED_TAG]),
        "status": tags[STATUS_TAG],
        "reason": tags.get(REASON_TAG, ""),
        "experiment": experiment,
        "study": tags[STUDY_TAG],
        "name": trial_name(run.info.run_name, int(tags[SEED_TAG]), tags.get(CELL_TAG)),
        "run_id": run.info.run_id,
        "params": dict(run.data.params),
        "tags": own_tags(tags),
    }


def is_trial(run: "Run") -> bool:
    """Return whether a run has the tags of a trial as ftlab writes them; other writers of the store may not."""
    tags = run.data.tags
    has_all = {TRIAL_KEY_TAG, CELL_KEY_TAG, SEED_TAG, STATUS_TAG, STUDY_TAG} <= tags.keys()
    return has_all and tags[SEED_TAG].isdecimal() and tags[STATUS_TAG] in {*TrialStatus}


def names_one(run: "Run") -> tuple[str, str] | None:
    """Return the tag and its value by which a run of a study or a trial is found again, None for another run."""
    tags = run.data.tags
    if is_trial(run):
        return TRIAL_KEY_TAG, tags[TRIAL_KEY_TAG]
    is_study = tags.get(KIND_TAG) == "study" and tags.get(STATUS_TAG) in {*TrialStatus} and STUDY_TAG in tags
    return (STUDY_TAG, tags[STUDY_TAG]) if is_study else None


def unbounded(value: float) -> float:
    """Return a metric as it was logged: MLflow stores an infinity as the largest float."""
    return value * 2 if abs(value) == sys.float_info.max else value


def clipped(texts: Mapping[str, str], limit: int) -> dict[str, str]:
    """Return texts cut to MLflow's limit, marked by an ellipsis.

    >>> clipped({"short": "abc", "long": "abcdef"}, 4)
    {'short': 'abc', 'long': 'abc…'}
    """
    return {name: text if len(text) <= limit else f"{text[: limit - 1]}…" for name, text in texts.items()}


def _quoted(text: str) -> str:
    return f'"{text}"' if "'" in text else f"'{text}'"
