"""The tracker that records in MLflow, in a SQLite file or on a server. Importing it takes seconds: import it at use."""

import functools
import logging
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, nan
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import pandas as pd

from ftlab.errors import ArtifactError, TrackingError
from ftlab.tracking.driver_process import driver_identity, has_died
from ftlab.tracking.journal import Journal
from ftlab.tracking.mlflow import run_layout as layout
from ftlab.tracking.mlflow.connection import connect, find_experiments, open_artifacts, open_experiment, search_runs
from ftlab.tracking.mlflow.data_inputs import copy_inputs, data_inputs
from ftlab.tracking.mlflow.failure import store_failure
from ftlab.tracking.mlflow.moved_files import mend_addresses
from ftlab.tracking.mlflow.run_history import StoredTrial, load_parts
from ftlab.tracking.mlflow.run_texts import label, metric_names, run_name
from ftlab.tracking.mlflow.study_page import MissingRows, missing_rows, reference_tags
from ftlab.tracking.records import UNREADABLE, HistoryPart, Outcome, StudyRecord, TrialRecord, TrialStatus, trials_frame
from ftlab.tracking.score_history import SCORE_HISTORY_FILE, history_frame, write_score_history
from ftlab.tracking.tracker import REFUSED_TAG, Numbers
from ftlab.tracking.tracking_uri import check_tracking_uri, sqlite_path
from ftlab.training.epoch_result import EpochResult

# isort: split
# The variables that MLflow reads when it is imported are set by now.
from mlflow.entities import Metric, Param, Run, RunInfo, RunTag
from mlflow.store.artifact.artifact_repo import ArtifactRepository

_EXPERIMENTS_SECONDS = 10.0  # how long the list of experiments serves; another process may add one
_SLOW_REFUSAL_SECONDS = 1.0
_REFUSAL_PAUSES = 10.0  # files that are refused slowly cost at most a tenth of the time

_logger = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class _OpenTrial:
    """The tracker's memory of a trial's run; ``last_epoch`` is None until it is read from the store."""

    run: Run
    status: TrialStatus
    last_epoch: int | None
    lacks_file: bool = False
    is_refused: bool = False
    epochs: dict[int, EpochResult] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        return str(self.run.info.run_id)


def _translated(
    verb: Callable[Concatenate["MlflowTracker", P], R],
) -> Callable[Concatenate["MlflowTracker", P], R]:
    """Make a verb raise `TrackingError` for any error of MLflow and its storage backends, which raise many kinds."""

    @functools.wraps(verb)
    def call(tracker: "MlflowTracker", /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return verb(tracker, *args, **kwargs)
        except TrackingError:
            raise
        except Exception as error:
            rule = "the tracking store must answer and take records"
            raise TrackingError(store_failure(rule, tracker.uri, error)) from error

    return call


class MlflowTracker:
    """Records each experiment as an MLflow experiment, each study as a parent run, each trial as a child run.

    Runs are found again by their tags, so a later process continues what an earlier one began. A run that was deleted
    in MLflow's pages is restored when a study needs it.

    Args:
        uri: ``sqlite:///FILE``, or the address of an MLflow server.
        artifact_root: Folder for artifacts; None puts them beside the SQLite file. A server keeps them itself.
        journal: The local record, which is read where a file of the store cannot be; None without one.

    Raises:
        TrackingError: The store cannot be reached.
    """

    def __init__(self, uri: str, artifact_root: Path | None = None, journal: Journal | None = None) -> None:
        check_tracking_uri(uri)
        database = sqlite_path(uri)
        self.uri = uri
        self._artifact_root = (artifact_root or database.parent / "artifacts").absolute() if database else None
        self._journal = journal
        self._driver = driver_identity()
        self._experiment_ids: list[str] = []
        self._listed = -inf
        self._studies: dict[str, Run] = {}
        self._trials: dict[str, _OpenTrial] = {}
        self._stored: dict[str, StoredTrial] = {}
        self._deleted: dict[tuple[str, str], list[Run]] | None = None
        self._refused_until = -inf
        self._refusal = ""
        self._client = connect(uri)
        if database and self._artifact_root:
            mend_addresses(database, self._artifact_root)

    @_translated
    def open_study(self, study: StudyRecord) -> None:
        """Create the study's parent run, or continue it.

        Raises:
            TrackingError: The experiment of that name was deleted, or the store fails.
        """
        if study.study in self._studies:
            return
        experiment_id = self._open_experiment(study)
        tags = {**study.tags, **layout.running_tags(self._driver)}
        run = self._find_study(study.study)
        if run is None:
            tags = layout.clipped({**tags, **layout.study_tags(study)}, layout.MAX_TAG_LENGTH)
            run = self._client.create_run(experiment_id, run_name=study.study, tags=tags)
            # They are there already if the study's earlier run was removed from the store.
            for child in search_runs(self._client, [experiment_id], layout.children_filter(study.study)):
                self._client.set_tag(child.info.run_id, layout.PARENT_TAG, run.info.run_id)
        else:
            self._set_tags(run.info.run_id, tags)
            self._client.update_run(run.info.run_id, status="RUNNING")
        self._studies[study.study] = run

    @_translated
    def has_study(self, study: str) -> bool:
        """Return whether a study has a parent run."""
        return study in self._studies or self._find(layout.study_filter(study)) is not None

    @_translated
    def open_trial(self, trial: TrialRecord) -> None:
        """Create the trial's child run, or continue its run in whatever experiment it is.

        Raises:
            TrackingError: The trial's study is unknown, or the store fails.
        """
        if trial.trial_key in self._trials:
            return
        run = self._find_trial(trial.trial_key)
        self._trials[trial.trial_key] = self._create_trial(trial) if run is None else self._continue_trial(trial, run)

    @_translated
    def log_epochs(self, trial_key: str, epochs: Sequence[EpochResult]) -> None:
        """Record the epochs after the last recorded one.

        The skipped epochs are kept too, for the score history that is written when the trial is closed.
        """
        trial = self._trial(trial_key)
        trial.epochs.update((epoch.epoch, epoch) for epoch in epochs)
        if trial.last_epoch is None:
            trial.last_epoch = self._last_epoch(trial.run_id)
        last_epoch = trial.last_epoch
        for metrics in _metric_batches(epoch for epoch in epochs if epoch.epoch > last_epoch):
            self._client.log_batch(trial.run_id, metrics=metrics)
        trial.last_epoch = max([last_epoch, *(epoch.epoch for epoch in epochs)])

    @_translated
    def close_trial(self, trial_key: str, outcome: Outcome) -> None:
        """Record the outcome of a trial, and its score history as an artifact.

        Raises:
            ArtifactError: The outcome is recorded, but the file was refused; the next call tries again.
        """
        trial = self._trial(trial_key)
        if not trial.status.is_final:
            # The status first: a result counts even if its artifacts cannot be stored.
            self._end_run(trial.run_id, outcome, _collapse(outcome, trial.last_epoch or 0))
            trial.status, trial.lacks_file = outcome.status, True
        if trial.lacks_file:
            self._upload_score_history(trial, [trial.epochs[epoch] for epoch in sorted(trial.epochs)])
        del self._trials[trial_key]

    @_translated
    def record_trial(self, trial: TrialRecord, epochs: Sequence[EpochResult], outcome: Outcome) -> None:
        """Open, log and close a trial; a trial without a run takes fewer requests than by the three verbs."""
        known = trial.trial_key in self._trials or self._find_trial(trial.trial_key)
        if known or not epochs:
            self.open_trial(trial)
            self.log_epochs(trial.trial_key, epochs)
            self.close_trial(trial.trial_key, outcome)
            return
        run = self._create_run(trial)
        *batches, last = _metric_batches(epochs)
        for metrics in batches:
            self._client.log_batch(run.info.run_id, metrics=metrics)
        last += _collapse(outcome, epochs[-1].epoch)
        self._client.log_batch(run.info.run_id, last, _params(trial.params), _run_tags(layout.outcome_tags(outcome)))
        # If the verb is repeated after a failure, it continues from here.
        self._trials[trial.trial_key] = opened = _OpenTrial(run, TrialStatus.RUNNING, last_epoch=None)
        self._client.set_terminated(run.info.run_id, layout.RUN_STATUS[outcome.status])
        self._upload_score_history(opened, epochs)
        del self._trials[trial.trial_key]

    @_translated
    def shows_rows(self, study: str, cells: Mapping[str, str]) -> bool:
        """Return whether all trials of the rows stand on the study's page, those of other studies by references."""
        return self._missing_rows(study, cells).is_empty

    @_translated
    def show_rows(self, study: str, cells: Mapping[str, str]) -> None:
        """Add references to trials of other studies, and the names of rows to runs that an older ftlab recorded."""
        parent, missing = self._study(study).info, self._missing_rows(study, cells)
        for run_id, cell in missing.nameless.items():
            self._set_tags(run_id, {layout.CELL_TAG: cell})
        for run_id, cell in missing.lacking.items():
            self._refer(self._client.get_run(run_id), study, parent, cell)
        # Last, so that an end of the process leaves a reference too many rather than none.
        for run_id in sorted(missing.superseded):
            self._client.delete_run(run_id)

    @_translated
    def close_study(
        self,
        study: str,
        *,
        description: str,
        artifacts: Path | None,
        complete: bool,
        numbers: Numbers | None = None,
    ) -> None:
        """Attach the description, the numbers and the artifacts to the parent run, and end it.

        A description is cut at MLflow's limit of 8,000 characters. Numbers become metrics ``table/<number>/<row>``; one
        of an earlier table that is gone becomes NaN.

        Raises:
            ArtifactError: The study is ended, but a file was refused.
        """
        run = self._study(study)
        run_id = run.info.run_id
        metrics = _table_metrics(numbers or {}, run.data.metrics)
        self._client.log_batch(run_id, metrics, tags=_run_tags({layout.DESCRIPTION_TAG: description}))
        self._end_run(run_id, Outcome(TrialStatus.FINISHED if complete else TrialStatus.INTERRUPTED))
        if artifacts is not None:
            self._upload(run.info, lambda repository: repository.log_artifacts(str(artifacts)))
        del self._studies[study]

    @_translated
    def reconcile(self) -> int:
        """Mark the runs of this host's dead drivers as interrupted; return the number of trials among them."""
        running = search_runs(self._client, find_experiments(self._client), "attributes.status = 'RUNNING'")
        orphans = [run for run in running if has_died(run.data.tags.get(layout.DRIVER_TAG, ""))]
        for run in orphans:
            reason = f"its driver {run.data.tags[layout.DRIVER_TAG]} died"
            self._end_run(run.info.run_id, Outcome(TrialStatus.INTERRUPTED, reason))
        return sum(layout.TRIAL_KEY_TAG in run.data.tags for run in orphans)

    @_translated
    def load_trials(self) -> pd.DataFrame:
        """Return the contract's frame of all experiments."""
        experiments = find_experiments(self._client)
        runs = self._trial_runs(experiments)
        return trials_frame([layout.trial_row(run, experiments[run.info.experiment_id]) for run in runs])

    @_translated
    def load_histories(
        self, trial_keys: Collection[str], parts: Collection[HistoryPart]
    ) -> dict[HistoryPart, pd.DataFrame]:
        """Return the contract's frames, from each trial's file, else from the journal.

        A running trial's metrics come from the store. It uses the places that `load_trials` found, and searches only
        for trials that are new since then.
        """
        if not {*trial_keys} <= self._stored.keys():
            self._trial_runs(find_experiments(self._client))
        known = {key: self._stored[key] for key in trial_keys if key in self._stored}
        loaded = load_parts(self._client, known, parts, self._journal)
        frames = {}
        for part in parts:
            frames[part] = history_frame({key: trial.tables[part] for key, trial in loaded.items()}, part)
            frames[part].attrs[UNREADABLE] = [key for key, trial in loaded.items() if part in trial.unreadable]
        return frames

    @_translated
    def find_experiment_id(self, name: str, tag: str = "") -> str | None:
        """Return MLflow's identifier of an experiment, for a link to its page; None if there is none with the tag."""
        found = self._client.get_experiment_by_name(name)
        is_active = found is not None and found.lifecycle_stage == "active"
        return str(found.experiment_id) if found and is_active and tag in {"", *found.tags} else None

    def _trial_runs(self, experiments: Iterable[str]) -> list[Run]:
        runs: dict[str, list[Run]] = {}
        for run in search_runs(self._client, experiments, layout.TRIAL_RUNS):
            if layout.is_trial(run):
                runs.setdefault(run.data.tags[layout.TRIAL_KEY_TAG], []).append(run)
            else:
                _logger.warning("A trial's run must have the tags of a trial, but run %s has not.", run.info.run_id)
        chosen = {key: layout.preferred_run(doubles) for key, doubles in runs.items()}
        self._stored = {
            key: StoredTrial(
                run.info.run_id,
                run.info.artifact_uri,
                layout.run_status(run),
                run.data.tags[layout.STUDY_TAG],
                run.data.tags.get(layout.CELL_TAG, ""),
                int(run.data.tags[layout.SEED_TAG]),
            )
            for key, run in chosen.items()
        }
        return list(chosen.values())

    def _open_experiment(self, study: StudyRecord) -> str:
        self._listed = -inf
        location = (self._artifact_root / study.experiment).as_uri() if self._artifact_root else None
        return open_experiment(self._client, study.experiment, location, layout.experiment_tags(study))

    def _create_trial(self, trial: TrialRecord) -> _OpenTrial:
        run = self._create_run(trial)
        self._client.log_batch(run.info.run_id, params=_params(trial.params))
        return _OpenTrial(run, TrialStatus.RUNNING, last_epoch=0)

    def _create_run(self, trial: TrialRecord) -> Run:
        parent = self._study(trial.study).info
        tags = {**trial.tags, **layout.running_tags(self._driver), **layout.trial_tags(trial, parent.run_id)}
        tags = layout.clipped(tags, layout.MAX_TAG_LENGTH)
        run = self._client.create_run(parent.experiment_id, run_name=run_name(trial), tags=tags)
        if inputs := data_inputs(trial):
            self._client.log_inputs(run.info.run_id, datasets=inputs)
        return run

    def _missing_rows(self, study: str, cells: Mapping[str, str]) -> MissingRows:
        if not {*cells} <= self._stored.keys():
            self._trial_runs(find_experiments(self._client))
        references = search_runs(self._client, self._experiments(), layout.references_filter(study))
        return missing_rows(study, cells, self._stored, references)

    def _refer(self, source: Run, study: str, parent: RunInfo, cell: str) -> None:
        tags = layout.clipped(reference_tags(source, study, parent.run_id, cell), layout.MAX_TAG_LENGTH)
        info, data = source.info, source.data
        name = label(cell, int(data.tags[layout.SEED_TAG]))
        run_id = self._client.create_run(parent.experiment_id, info.start_time, tags, name).info.run_id
        step, time_ms = int(data.params.get("train.epochs", "0")), info.end_time or info.start_time
        metrics = [Metric(name, value, time_ms, step) for name, value in data.metrics.items()]
        self._client.log_batch(run_id, metrics, _params(data.params))
        copy_inputs(self._client, source, run_id)
        self._client.set_terminated(run_id, layout.RUN_STATUS[layout.run_status(source)], info.end_time)

    def _continue_trial(self, trial: TrialRecord, run: Run) -> _OpenTrial:
        run_id, status = run.info.run_id, layout.run_status(run)
        if not status.is_result:
            # MLflow refuses to change a parameter, and a crash may have left some unwritten.
            missing = {name: value for name, value in trial.params.items() if name not in run.data.params}
            self._client.log_batch(run_id, params=_params(missing))
            self._set_tags(run_id, {**trial.tags, **layout.running_tags(self._driver)})
            self._client.update_run(run_id, status="RUNNING")
            return _OpenTrial(run, TrialStatus.RUNNING, None, is_refused=REFUSED_TAG in run.data.tags)
        return _open_trial(run)

    def _set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        self._client.log_batch(run_id, tags=_run_tags(tags))

    def _end_run(self, run_id: str, outcome: Outcome, metrics: Sequence[Metric] = ()) -> None:
        self._client.log_batch(run_id, metrics, tags=_run_tags(layout.outcome_tags(outcome)))
        self._client.set_terminated(run_id, layout.RUN_STATUS[outcome.status])

    def _upload_score_history(self, trial: _OpenTrial, epochs: Sequence[EpochResult]) -> None:
        def upload(repository: ArtifactRepository) -> None:
            with tempfile.TemporaryDirectory(prefix="ftlab-") as folder:
                path = Path(folder) / SCORE_HISTORY_FILE
                write_score_history(epochs, path)
                repository.log_artifact(str(path))

        if not epochs:
            return
        try:
            self._upload(trial.run.info, upload)
        except ArtifactError:
            trial.is_refused = True
            self._set_tags(trial.run_id, {REFUSED_TAG: SCORE_HISTORY_FILE})
            raise
        if trial.is_refused:
            self._client.delete_tag(trial.run_id, REFUSED_TAG)
            trial.is_refused = False

    def _upload(self, run: RunInfo, upload: Callable[[ArtifactRepository], None]) -> None:
        """Store files of a run; soon after a refusal that took long, refuse without trying."""
        started = time.monotonic()
        if started < self._refused_until:
            raise ArtifactError(self._refusal)
        try:
            # The client would ask the store for the address once more.
            upload(open_artifacts(run.artifact_uri, run.run_id, self.uri))
        except Exception as error:  # each storage backend raises its own errors
            if (now := time.monotonic()) - started > _SLOW_REFUSAL_SECONDS:
                self._refused_until = now + _REFUSAL_PAUSES * (now - started)
            self._refusal = f"files must be stored at {run.artifact_uri}, but were refused: {_first_line(error)}"
            raise ArtifactError(self._refusal) from error

    def _last_epoch(self, run_id: str) -> int:
        names = self._client.get_run(run_id).data.metrics
        histories = (self._client.get_metric_history(run_id, name) for name in names)
        return max((metric.step for history in histories for metric in history), default=0)

    def _study(self, study: str) -> Run:
        if study not in self._studies:
            run = self._find_study(study)
            if run is None:
                raise TrackingError(f"a study must be opened before it is used, but got study={study!r}.")
            self._studies[study] = run
        return self._studies[study]

    def _trial(self, trial_key: str) -> _OpenTrial:
        if trial_key not in self._trials:
            run = self._find_trial(trial_key)
            if run is None:
                raise TrackingError(f"a trial must be opened before it is used, but got trial={trial_key!r}.")
            self._trials[trial_key] = _open_trial(run)
        return self._trials[trial_key]

    def _find_study(self, study: str) -> Run | None:
        return self._find(layout.study_filter(study)) or self._restore((layout.STUDY_TAG, study))

    def _find_trial(self, trial_key: str) -> Run | None:
        return self._find(layout.trial_filter(trial_key)) or self._restore((layout.TRIAL_KEY_TAG, trial_key))

    def _restore(self, name: tuple[str, str]) -> Run | None:
        """Restore a run that a person deleted in MLflow, because a study needs it, and say so."""
        if self._deleted is None:
            self._deleted = {}
            for run in search_runs(self._client, self._experiment_ids, "", deleted=True):
                if known := layout.names_one(run):
                    self._deleted.setdefault(known, []).append(run)
        if not (runs := self._deleted.pop(name, [])):
            return None
        run_id = layout.preferred_run(runs).info.run_id
        _logger.warning("A run that was deleted in MLflow is needed and restored: %s, run %s.", name[1], run_id)
        self._client.restore_run(run_id)
        return self._client.get_run(run_id)

    def _find(self, condition: str) -> Run | None:
        runs = search_runs(self._client, self._experiments(), condition)
        return layout.preferred_run(runs) if runs else None

    def _experiments(self) -> list[str]:
        if time.monotonic() - self._listed > _EXPERIMENTS_SECONDS:
            self._experiment_ids = list(find_experiments(self._client))
            self._listed = time.monotonic()
        return self._experiment_ids


def _open_trial(run: Run) -> _OpenTrial:
    is_refused = REFUSED_TAG in run.data.tags
    return _OpenTrial(run, layout.run_status(run), None, lacks_file=is_refused, is_refused=is_refused)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _params(params: Mapping[str, str]) -> list[Param]:
    return [Param(name, value) for name, value in layout.clipped(params, layout.MAX_PARAM_LENGTH).items()]


def _run_tags(tags: Mapping[str, str]) -> list[RunTag]:
    return [RunTag(name, text) for name, text in layout.clipped(tags, layout.MAX_TAG_LENGTH).items()]


def _collapse(outcome: Outcome, epoch: int) -> list[Metric]:
    if not outcome.status.is_result:
        return []
    is_collapsed = outcome.status is TrialStatus.COLLAPSED
    return [Metric(layout.COLLAPSED_METRIC, float(is_collapsed), int(time.time() * 1000), epoch)]


def _table_metrics(numbers: Numbers, before: Collection[str]) -> list[Metric]:
    names = metric_names(numbers)
    values = {
        f"{layout.TABLE_PREFIX}{kind}/{names[row]}": value
        for row, found in numbers.items()
        for kind, value in found.items()
    }
    gone = {name: nan for name in before if name.startswith(layout.TABLE_PREFIX)} if numbers else {}
    return [Metric(name, value, int(time.time() * 1000), 0) for name, value in {**gone, **values}.items()]


def _metric_batches(epochs: Iterable[EpochResult]) -> Iterator[list[Metric]]:
    batch: list[Metric] = []
    for epoch in epochs:
        timestamp = int(epoch.timestamp * 1000)
        metrics = [Metric(name, float(value), timestamp, epoch.epoch) for name, value in epoch.metrics.items()]
        # An epoch is never split, because after a crash between two batches it would count as recorded.
        if batch and len(batch) + len(metrics) > layout.MAX_METRICS:
            yield batch
            batch = []
        batch += metrics
    if batch:
        yield batch
