"""Read the epochs of trials back from MLflow: from their files, or from the metrics of a trial that still runs."""

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from ftlab.credentials import without_credentials
from ftlab.errors import TrackingError, listed
from ftlab.tracking.journal import Journal
from ftlab.tracking.mlflow.artifact_address import check_artifact_address, local_folder
from ftlab.tracking.mlflow.run_layout import COLLAPSED_METRIC, unbounded
from ftlab.tracking.records import HistoryPart, TrialStatus
from ftlab.tracking.score_history import SCORE_HISTORY_FILE, history_table, read_score_history, select_part
from ftlab.training.epoch_result import EpochResult

if TYPE_CHECKING:
    from mlflow import MlflowClient

_DOWNLOADS_AT_ONCE = 8
_MAX_NAMED = 3

_logger = logging.getLogger(__name__)


class StoredTrial(NamedTuple):
    """The place of a trial in the store; ``cell`` is empty if its run does not name its row."""

    run_id: str
    artifact_uri: str
    status: TrialStatus
    study: str = ""
    cell: str = ""
    seed: int = 0


def load_parts(
    client: "MlflowClient", trials: Mapping[str, StoredTrial], part: HistoryPart, journal: Journal | None = None
) -> tuple[dict[str, pa.Table], Sequence[str]]:
    """Return a part of the history of each trial that has one, by trial key; see `select_part`.

    If a file is missing or damaged, the journal's record is returned. Without one the trial has only its metrics, which
    the store has too; this gives a warning if the trial was trained to its end.

    Args:
        client: The store.
        trials: The places of the trials in it, by trial key.
        part: The part to load.
        journal: The local record of this home's trials; None without one.

    Returns:
        The parts, and the keys of the trials that the warning is about.
    """
    is_remote = any(local_folder(trial.artifact_uri) is None for trial in trials.values())
    with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE if is_remote else 1) as pool:
        loaded = list(pool.map(lambda trial: _load(client, trial, part), trials.values()))
    tables = {key: table for key, (table, _) in zip(trials, loaded, strict=True)}
    damage = {key: reason for key, (_, reason) in zip(trials, loaded, strict=True) if reason}
    for key in list(damage):
        if journal and (table := _journalled(journal, key, part)) is not None:
            tables[key] = table
            del damage[key]
    if damage:
        _warn(damage)
    return tables, list(damage)


def _journalled(journal: Journal, key: str, part: HistoryPart) -> pa.Table | None:
    try:
        entry = journal.read(key)
    except TrackingError:
        return None
    return select_part(history_table(entry.epochs), part) if entry and entry.epochs else None


def _load(client: "MlflowClient", trial: StoredTrial, part: HistoryPart) -> tuple[pa.Table, str]:
    """Return the part of a trial's history, and the reason if its file should be there but cannot be read."""
    reason = ""
    # A file is as old as the end of the trial's last attempt.
    if trial.status is not TrialStatus.RUNNING or part is not HistoryPart.METRICS:
        try:
            with _local_file(client, trial) as path:
                return read_score_history(path, part), ""
        except Exception as error:  # each storage backend raises its own error for a missing file
            reason = without_credentials(str(error)).partition("\n")[0] if trial.status.is_result else ""
    return (_stored_metrics(client, trial.run_id) if part is HistoryPart.METRICS else _nothing(part)), reason


def _stored_metrics(client: "MlflowClient", run_id: str) -> pa.Table:
    epochs: dict[int, dict[str, float]] = {}
    for name in client.get_run(run_id).data.metrics:
        if name == COLLAPSED_METRIC:
            continue
        for point in client.get_metric_history(run_id, name):
            epochs.setdefault(point.step, {})[name] = unbounded(point.value)
    records = (EpochResult(number, 0.0, epochs[number]) for number in sorted(epochs))
    return select_part(history_table(records), HistoryPart.METRICS)


def _nothing(part: HistoryPart) -> pa.Table:
    return select_part(history_table([]), part)


@contextmanager
def _local_file(client: "MlflowClient", trial: StoredTrial) -> Iterator[Path]:
    folder = local_folder(trial.artifact_uri)
    if folder is not None:
        check_artifact_address(trial.artifact_uri, trial.run_id, client.tracking_uri)
        yield folder / SCORE_HISTORY_FILE
        return
    # MLflow takes seconds to import; the caller is connected and so has imported it.
    from ftlab.tracking.mlflow.connection import open_artifacts

    with tempfile.TemporaryDirectory(prefix="ftlab-") as temporary:
        repository = open_artifacts(trial.artifact_uri, trial.run_id, client.tracking_uri)
        repository.download_artifacts(SCORE_HISTORY_FILE, temporary)
        yield Path(temporary) / SCORE_HISTORY_FILE


def _warn(damage: Mapping[str, str]) -> None:
    named = listed([f"{key} ({reason})" for key, reason in damage.items()], _MAX_NAMED, "; ")
    _logger.warning("The score history of a trial must be readable for its curves, but is not of %s.", named)
