"""Find the trials of each cell of a table among the recorded ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Any

import pandas as pd

from ftlab.errors import ConfigError, nearest
from ftlab.reporting.inference.collapse import COLLAPSED, FAILED, FINISHED, HEALTHY, recorded_state
from ftlab.reporting.table.axes import Axes
from ftlab.reporting.table.comparability import comparable_facts

RIGHT = "right"  # column of a mapping from metrics to words of bits, see `ftlab.training.evaluation.right_images`
FINAL = (FINISHED, COLLAPSED, FAILED)
COLUMNS = frozenset(
    {
        "trial_key",
        "cell_key",
        "seed",
        "status",
        "reason",
        "experiment",
        "study",
        "name",
        "run_id",
        "params",
        "tags",
        RIGHT,
    }
)


@dataclass(frozen=True)
class Cell:
    """A row that the table asks for: trials that differ by seed alone.

    Attributes:
        name: Label of the row.
        axes: Values by dotted name; None where an axis has no effect in the cell.
        trial_keys: The trials that the row needs; empty takes every recorded seed.
        cell_key: Digest that the trials of the cell share; used when ``trial_keys`` is empty.
    """

    name: str
    axes: Axes
    trial_keys: tuple[str, ...] = ()
    cell_key: str = ""


@dataclass(frozen=True)
class AblationTrial:
    """A finished, degenerate, collapsed or failed trial of the table.

    Attributes:
        cell: Name of its cell.
        trial_key: Digest of everything that decides its numbers.
        seed: Seed of all its random streams.
        status: ``finished``, ``degenerate`` (scores collapsed, features did not), ``collapsed`` or ``failed``.
        run_id: Identifier in the tracking store.
        value: The table's metric; NaN when the trial failed or has none.
        metrics: Last values by name, without durations; empty when it failed, as they are then those of an early epoch.
        facts: Facts that decide which trials it may be compared with, by their words.
        skipped: Number of images that were left out as unreadable, of all; empty if there were none.
        right: The test images that the metric's probe classified rightly, in words of bits; empty if not recorded.
    """

    cell: str
    trial_key: str
    seed: int
    status: str
    run_id: str
    value: float
    metrics: Mapping[str, float]
    facts: Mapping[str, str] = field(default_factory=dict)
    skipped: str = ""
    right: tuple[int, ...] = field(default=(), repr=False)

    @property
    def has_value(self) -> bool:
        """Return whether the trial has a value."""
        return isfinite(self.value)

    @property
    def is_result(self) -> bool:
        """Return whether it trained to its end: it is healthy or collapsed."""
        return self.status != FAILED

    @property
    def counts(self) -> bool:
        """Return whether the trial counts in the mean of its cell: it is healthy and has a value."""
        return self.status in HEALTHY and self.has_value


def find_trials(cells: Sequence[Cell], trials: pd.DataFrame, metric: str) -> list[list[AblationTrial]]:
    """Return the trials of each cell that ended, ordered by seed.

    Args:
        cells: The rows of the table.
        trials: One row a trial as ``Tracker.load_trials`` returns them; may be empty and may hold other trials.
        metric: Column of the table's metric.

    Raises:
        ConfigError: Finished trials lack the metric.
    """
    records = _records(final_rows(cells, trials))
    _check_metric(metric, records)
    by_key: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for record in records:
        for column in ("trial_key", "cell_key"):
            by_key.setdefault((column, record[column]), []).append(record)
    groups = []
    for cell in cells:
        keys = [("trial_key", key) for key in cell.trial_keys] or [("cell_key", cell.cell_key)]
        found = [record for key in keys for record in by_key.get(key, [])]
        groups.append(sorted((_trial(cell, record, metric) for record in found), key=_order))
    return groups


def final_rows(cells: Sequence[Cell], trials: pd.DataFrame) -> pd.DataFrame:
    """Return the recorded trials of cells that ended.

    Args:
        cells: The rows of the table.
        trials: One row a trial as ``Tracker.load_trials`` returns them.
    """
    trial_keys = {key for cell in cells for key in cell.trial_keys}
    cell_keys = {cell.cell_key for cell in cells if not cell.trial_keys}
    wanted = trials["trial_key"].isin(trial_keys) | trials["cell_key"].isin(cell_keys)
    return trials[wanted & trials["status"].isin(FINAL)]


def _records(chosen: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(column): value for column, value in record.items()} for record in chosen.to_dict("records")]


def _check_metric(metric: str, records: Sequence[Mapping[str, Any]]) -> None:
    if any(record["status"] == FINISHED and metric not in record for record in records):
        hint = nearest(metric, set(records[0]) - COLUMNS)
        raise ConfigError(f"a table needs a metric that its trials recorded, but got {metric!r}.{hint}")


def _order(trial: AblationTrial) -> tuple[int, str]:
    return trial.seed, trial.trial_key


def _trial(cell: Cell, record: Mapping[str, Any], metric: str) -> AblationTrial:
    failed = record["status"] == FAILED
    tags = found if isinstance(found := record.get("tags"), Mapping) else {}
    right = found if isinstance(found := record.get(RIGHT), Mapping) else {}
    metrics = {name: float(value) for name, value in record.items() if name not in COLUMNS and not failed}
    return AblationTrial(
        cell=cell.name,
        trial_key=str(record["trial_key"]),
        seed=int(record["seed"]),
        status=recorded_state(str(record["status"]), metrics),
        run_id=str(record["run_id"]),
        value=metrics.get(metric, nan),
        metrics={name: metrics[name] for name in sorted(metrics) if not name.endswith("_seconds")},
        facts=comparable_facts(record),
        skipped=str(tags.get("data.skipped", "")),
        right=tuple(right.get(metric, ())),
    )
