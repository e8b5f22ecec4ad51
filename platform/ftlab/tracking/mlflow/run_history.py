"""Read the epochs of trials back from MLflow: from their files, or from the metrics of a trial that still runs."""

import logging
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
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
from ftlab.tracking.score_history import SCORE_HISTORY_FILE, history_table, no_history, read_score_history, select_part
from ftlab.training.epoch_result import EpochResult

if TYPE_CHECKING:
    from mlflow import MlflowClient

_DOWNLOADS_AT_ONCE = 8
_MAX_NAMED = 3

Tables = dict[HistoryPart, pa.Table]

_logger = logging.getLogger(__name__)


class StoredTrial(NamedTuple):
    """The place of a trial in the store; ``cell`` is empty if its run does not name its row."""

    run_id: str
    artifact_uri: str
    status: TrialStatus
    study: str = ""
    cell: str = ""
    seed: int = 0


class LoadedHistory(NamedTuple):
    """Parts of a trial's history, see `select_part`, and why some of them cannot be read although they should be."""

    tables: Tables
    unreadable: Mapping[HistoryPart, str]


def load_parts(
    client: "MlflowClient",
    trials: Mapping[str, StoredTrial],
    parts: Collection[HistoryPart],
    journal: Journal | None = None,
) -> dict[str, LoadedHistory]:
    """Return parts of the history of each trial, by trial key.

    What is missing or damaged in a file comes from the journal's record. Without one only metrics can be had of that,
    which the store has too; this gives a warning if the trial was trained to its end.

    Args:
        client: The store.
        trials: The places of the trials in it, by trial key.
        parts: The parts to load.
        journal: The local record of this home's trials; None without one.
    """
    with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
        is_remote = any(local_folder(trial.artifact_uri) is None for trial in trials.values())
        each = (pool.map if is_remote else map)(lambda trial: _load(client, trial, parts), trials.values())
        loaded = dict(zip(trials, each, strict=True))
    for key, found in loaded.items():
        if found.unreadable and journal:
            loaded[key] = _with_journal(found, journal, key)
    if any(found.unreadable for found in loaded.values()):
        _warn({key: next(iter(found.unreadable.values())) for key, found in loaded.items() if found.unreadable})
    return loaded


def _with_journal(found: LoadedHistory, journal: Journal, key: str) -> LoadedHistory:
    try:
        entry = journal.read(key)
    except TrackingError:
        return found
    if not entry or not entry.epochs:
        return found
    table = history_table(entry.epochs)
    return LoadedHistory({**found.tables, **{part: select_part(table, part) for part in found.unreadable}}, {})


def _load(client: "MlflowClient", trial: StoredTrial, parts: Collection[HistoryPart]) -> LoadedHistory:
    # A file is as old as the end of the trial's last attempt.
    is_running = trial.status is TrialStatus.RUNNING
    in_file = [part for part in parts if not (is_running and part is HistoryPart.METRICS)]
    tables, reasons = _read_file(client, trial, in_file)
    for part in parts:
        if part not in tables:
            is_stored = part is HistoryPart.METRICS
            tables[part] = _stored_metrics(client, trial.run_id) if is_stored else no_history(part)
    return LoadedHistory(tables, reasons if trial.status.is_result else {})


def _read_file(
    client: "MlflowClient", trial: StoredTrial, parts: Sequence[HistoryPart]
) -> tuple[Tables, dict[HistoryPart, str]]:
    """Return the parts of a trial's file that can be read, and the reason for each other one."""
    if not parts:
        return {}, {}
    try:
        with _local_file(client, trial) as path:
            return _read_parts(path, parts)
    except Exception as error:  # each storage backend raises its own error for a missing file
        return {}, dict.fromkeys(parts, _reason(error))


def _read_parts(path: Path, parts: Sequence[HistoryPart]) -> tuple[Tables, dict[HistoryPart, str]]:
    try:
        return read_score_history(path, parts), {}
    except Exception as error:  # a damaged file may be anything
        if len(parts) == 1:
            return {}, {parts[0]: _reason(error)}
    # What is damaged leaves the rest.
    each = [_read_parts(path, [part]) for part in parts]
    tables = {part: table for found, _ in each for part, table in found.items()}
    return tables, {part: reason for _, reasons in each for part, reason in reasons.items()}


def _reason(error: Exception) -> str:
    return without_credentials(str(error)).partition("\n")[0]


def _stored_metrics(client: "MlflowClient", run_id: str) -> pa.Table:
    epochs: dict[int, dict[str, float]] = {}
    for name in client.get_run(run_id).data.metrics:
        if name == COLLAPSED_METRIC:
            continue
        for point in client.get_metric_history(run_id, name):
            epochs.setdefault(point.step, {})[name] = unbounded(point.value)
    records = (EpochResult(number, 0.0, epochs[number]) for number in sorted(epochs))
    return select_part(history_table(records), HistoryPart.METRICS)


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
