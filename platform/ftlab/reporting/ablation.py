"""The ablation table: from recorded trials to one row a cell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan, nan
from typing import Any, Literal

import pandas as pd

from ftlab.errors import ConfigError, nearest
from ftlab.reporting.axes import Axes
from ftlab.reporting.published import PublishedSeries, PublishedValue
from ftlab.reporting.statistics import Summary, summarise

FINISHED, COLLAPSED, FAILED = "finished", "collapsed", "failed"
FINAL = (FINISHED, COLLAPSED, FAILED)
FACTS = frozenset(
    {"trial_key", "cell_key", "seed", "status", "reason", "experiment", "study", "name", "run_id", "params", "tags"}
)

Rank = Literal[1, 2] | None


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
    """A finished, collapsed or failed trial of the table.

    Attributes:
        cell: Name of its cell.
        trial_key: Digest of everything that decides its numbers.
        seed: Seed of all its random streams.
        status: ``finished``, ``collapsed`` or ``failed``.
        run_id: Identifier in the tracking store.
        value: The table's metric; NaN when the trial failed or has none.
        metrics: Last values by name, without durations; empty when it failed, as they then say where it stopped.
    """

    cell: str
    trial_key: str
    seed: int
    status: str
    run_id: str
    value: float
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class AblationRow:
    """A cell of the table.

    Attributes:
        cell: Name of the cell.
        axes: Values by dotted name.
        summary: Statistics over finished and collapsed trials; collapse is a result and is not averaged away.
        n_trials: Trials that came to an end: finished, collapsed or failed.
        n_collapsed: Trials that collapsed.
        n_failed: Trials that failed; they have no value.
        n_missing: Trials that the row needs and that have not come to an end.
        published: The published value of the cell.
        rank: 1 for the best mean of the table, 2 for the second best, ties included; None for all others.
    """

    cell: str
    axes: Axes
    summary: Summary
    n_trials: int
    n_collapsed: int
    n_failed: int
    n_missing: int
    published: PublishedValue | None
    rank: Rank


@dataclass(frozen=True)
class Seeding:
    """Why the cells of a table have unequal numbers of seeds.

    Attributes:
        stopped: Why a cell got no more seeds, by its name.
        note: The rule that gave them, in words.
    """

    stopped: Mapping[str, str]
    note: str


@dataclass(frozen=True)
class AblationTable:
    """Everything that a rendered table or figure shows.

    Attributes:
        name: Short name of the table, e.g. ``momentum``.
        title: What the table answers.
        metric: Metric of the table, an accuracy in percent.
        axes: Dotted names of all axes, in the order of their first appearance.
        rows: One row a cell, in the order of the cells.
        trials: Trials by cell, then seed.
        baseline: Name of the cell that others are compared with.
        protocol: How our numbers were measured.
        published: The series whose values stand beside ours.
        seeding: How seeds were given to cells; None where every cell asks for the same.
    """

    name: str
    title: str
    metric: str
    axes: tuple[str, ...]
    rows: tuple[AblationRow, ...]
    trials: tuple[AblationTrial, ...]
    baseline: str | None
    protocol: str
    published: PublishedSeries | None
    seeding: Seeding | None = None

    @property
    def published_protocol(self) -> str:
        """How the published numbers were measured; empty without a published series."""
        return self.published.protocol if self.published else ""

    @property
    def same_protocol(self) -> bool:
        """Whether ours and the published numbers were measured alike, and so may be compared."""
        return self.published is not None and self.protocol.split() == self.published_protocol.split()

    def trials_of(self, cell: str) -> tuple[AblationTrial, ...]:
        """Return the trials of a cell, ordered by seed."""
        return tuple(trial for trial in self.trials if trial.cell == cell)


def ablate(
    name: str,
    cells: Sequence[Cell],
    trials: pd.DataFrame,
    *,
    metric: str,
    title: str = "",
    baseline: str | None = None,
    protocol: str = "",
    published: PublishedSeries | None = None,
    seeding: Seeding | None = None,
) -> AblationTable:
    """Compute an ablation table; a cell without trials yet is a row with ``n = 0``.

    Args:
        name: Short name of the table.
        cells: The rows that the table asks for.
        trials: One row a trial as ``Tracker.load_trials`` returns them; may be empty and may hold other trials.
        metric: Column of the table's metric, an accuracy in percent, higher is better.
        title: What the table answers; empty takes the name.
        baseline: Name of the cell that others are compared with.
        protocol: How the numbers were measured, in the words of the published tables where it is the same.
        published: Series whose values stand beside ours.
        seeding: How seeds were given to cells, where a rule gave them; names every cell.

    Raises:
        ConfigError: Two cells share a name, the baseline is no cell, or finished trials lack the metric.
    """
    _check_names(cells, baseline)
    records = _final_records(cells, trials)
    _check_metric(metric, records)
    found = _trials_by_cell(cells, records, metric)
    summaries = [summarise([trial.value for trial in group if isfinite(trial.value)]) for group in found]
    ranks = _rank([summary.mean for summary in summaries])
    rows = (
        _row(cell, group, summary, rank, published)
        for cell, group, summary, rank in zip(cells, found, summaries, ranks, strict=True)
    )
    return AblationTable(
        name=name,
        title=title or name,
        metric=metric,
        axes=tuple(dict.fromkeys(axis for cell in cells for axis in cell.axes)),
        rows=tuple(rows),
        trials=tuple(trial for group in found for trial in group),
        baseline=baseline,
        protocol=protocol,
        published=published,
        seeding=seeding,
    )


def _check_names(cells: Sequence[Cell], baseline: str | None) -> None:
    names = [cell.name for cell in cells]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"cells of a table must have different names, but got {name!r} twice.")
    if baseline is not None and baseline not in names:
        raise ConfigError(f"the baseline must be a cell of the table, but got {baseline!r}.{nearest(baseline, names)}")


def _final_records(cells: Sequence[Cell], trials: pd.DataFrame) -> list[dict[str, Any]]:
    trial_keys = {key for cell in cells for key in cell.trial_keys}
    cell_keys = {cell.cell_key for cell in cells if not cell.trial_keys}
    wanted = trials["trial_key"].isin(trial_keys) | trials["cell_key"].isin(cell_keys)
    chosen = trials[wanted & trials["status"].isin(FINAL)]
    return [{str(column): value for column, value in record.items()} for record in chosen.to_dict("records")]


def _check_metric(metric: str, records: Sequence[Mapping[str, Any]]) -> None:
    if any(record["status"] == FINISHED and metric not in record for record in records):
        hint = nearest(metric, set(records[0]) - FACTS)
        raise ConfigError(f"a table needs a metric that its trials recorded, but got {metric!r}.{hint}")


def _trials_by_cell(
    cells: Sequence[Cell], records: Sequence[Mapping[str, Any]], metric: str
) -> list[list[AblationTrial]]:
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


def _order(trial: AblationTrial) -> tuple[int, str]:
    return trial.seed, trial.trial_key


def _trial(cell: Cell, record: Mapping[str, Any], metric: str) -> AblationTrial:
    failed = record["status"] == FAILED
    metrics = {name: float(value) for name, value in record.items() if name not in FACTS and not failed}
    return AblationTrial(
        cell=cell.name,
        trial_key=str(record["trial_key"]),
        seed=int(record["seed"]),
        status=str(record["status"]),
        run_id=str(record["run_id"]),
        value=metrics.get(metric, nan),
        metrics={name: metrics[name] for name in sorted(metrics) if not name.endswith("_seconds")},
    )


def _rank(means: Sequence[float]) -> list[Rank]:
    levels = sorted({mean for mean in means if not isnan(mean)}, reverse=True)
    if len(levels) < 2:
        return [None] * len(means)
    places: dict[float, Rank] = {levels[0]: 1, levels[1]: 2}
    return [places.get(mean) for mean in means]


def _row(
    cell: Cell, trials: Sequence[AblationTrial], summary: Summary, rank: Rank, published: PublishedSeries | None
) -> AblationRow:
    statuses = [trial.status for trial in trials]
    return AblationRow(
        cell=cell.name,
        axes=cell.axes,
        summary=summary,
        n_trials=len(trials),
        n_collapsed=statuses.count(COLLAPSED),
        n_failed=statuses.count(FAILED),
        n_missing=max(len(cell.trial_keys) - len(trials), 0),
        published=published.lookup(cell.axes, cell.name) if published else None,
        rank=rank,
    )
