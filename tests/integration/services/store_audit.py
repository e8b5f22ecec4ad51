"""Compare what a tracking store holds with the journal of the driver that wrote it."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, fields
from math import isnan
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from ftlab.tracking.journal import Journal
from ftlab.tracking.mlflow.run_layout import COLLAPSED_METRIC, RUN_STATUS, TRIAL_KEY_TAG
from ftlab.training.epoch_result import EpochResult

History = set[tuple[int, str]]


@dataclass(frozen=True)
class StoreAudit:
    """The faults of a store, by trial key.

    Attributes:
        lost: Trials that ended and have no run, or a run of another end.
        doubled: Trials with several runs.
        running: Runs, also of studies, that are left running.
        incomplete: Trials whose metric histories are not those of the journal.
    """

    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    running: tuple[str, ...]
    incomplete: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Return whether the store has no fault."""
        return not any(getattr(self, part.name) for part in fields(self))


def all_runs(client: MlflowClient) -> list[Run]:
    """Return every run of a store."""
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    found: list[Run] = []
    token = None
    while True:
        page = client.search_runs(ids, page_token=token)
        found += page
        if not (token := page.token):
            return found


def trial_runs(client: MlflowClient) -> list[Run]:
    """Return the runs of trials."""
    return [run for run in all_runs(client) if TRIAL_KEY_TAG in run.data.tags]


def audit_store(client: MlflowClient, journal: Path, *, without: Collection[str] = ()) -> StoreAudit:
    """Compare a store with a journal: each trial that ended has one run, with its end and all its epochs.

    Args:
        client: Of the store.
        journal: Folder of the journal.
        without: Metrics that are not compared. Where a worker was killed, epochs are trained twice: the journal has the
            durations of the second time, the store those of the first.
    """
    runs = all_runs(client)
    by_key = {run.data.tags[TRIAL_KEY_TAG]: run for run in runs if TRIAL_KEY_TAG in run.data.tags}
    numbers = Counter(run.data.tags.get(TRIAL_KEY_TAG, "") for run in runs)
    lost, incomplete = [], []
    for key in sorted(path.stem for path in journal.glob("*.jsonl")):
        entry = Journal(journal).read(key)
        if entry is None or entry.outcome is None or not entry.outcome.status.is_final:
            continue
        run = by_key.get(key)
        if run is None or run.info.status != RUN_STATUS[entry.outcome.status]:
            lost.append(key)
        elif _without(_stored_histories(client, run), without) != _without(_histories(entry.epochs), without):
            incomplete.append(key)
    return StoreAudit(
        lost=tuple(lost),
        doubled=tuple(sorted(key for key, number in numbers.items() if key and number > 1)),
        running=tuple(run.info.run_id for run in runs if run.info.status == "RUNNING"),
        incomplete=tuple(incomplete),
    )


def _histories(epochs: tuple[EpochResult, ...]) -> dict[str, History]:
    found: dict[str, History] = {}
    for epoch in epochs:
        for name, value in epoch.metrics.items():
            found.setdefault(name, set()).add((epoch.epoch, _spell(value)))
    return found


def _stored_histories(client: MlflowClient, run: Run) -> dict[str, History]:
    return {
        name: {(point.step, _spell(point.value)) for point in client.get_metric_history(run.info.run_id, name)}
        for name in run.data.metrics
        if name != COLLAPSED_METRIC
    }


def _without(histories: dict[str, History], names: Collection[str]) -> dict[str, History]:
    return {name: history for name, history in histories.items() if name not in names}


def _spell(value: float) -> str:
    return "nan" if isnan(value) else float(value).hex()
