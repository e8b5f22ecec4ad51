"""A table over tasks: rows are cells, columns are tasks, with the mean rank of each row over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan, nan
from statistics import fmean

from scipy.stats import rankdata

from ftlab.reporting.table.statistics import Summary, summarise

# Ends of the names of columns about some of the classes, which are parts of a balanced one.
PARTS = (", many", ", medium", ", few")


@dataclass(frozen=True)
class TaskRow:
    """A cell in all tasks.

    Attributes:
        name: Name of the cell.
        summaries: Its statistics over seeds, a task each; without a value where nothing was judged.
        mean_rank: Mean over tasks of its rank among the rows by their means, 1 being the best, ties sharing their mean;
            NaN unless every row has a value in every task. Accuracies of classes of some size take no part in it.
    """

    name: str
    summaries: tuple[Summary, ...]
    mean_rank: float


@dataclass(frozen=True)
class TaskTable:
    """The table.

    Attributes:
        title: Question of the experiment.
        tasks: Names of its columns.
        rows: Its rows.
        notes: Lines below it.
        published: Published accuracies beside it, as text by their column and by the name of the row.
    """

    title: str
    tasks: tuple[str, ...]
    rows: tuple[TaskRow, ...]
    notes: tuple[str, ...] = ()
    published: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def tabulate_tasks(
    title: str,
    tasks: Sequence[str],
    values: Mapping[str, Mapping[str, Sequence[float]]],
    notes: Sequence[str] = (),
    published: Mapping[str, Mapping[str, str]] | None = None,
) -> TaskTable:
    """Compute the table.

    Args:
        title: Question of the experiment.
        tasks: Names of the tasks, in order.
        values: Accuracies in percent, one a seed, by cell and task; higher is better.
        notes: Lines below the table.
        published: Published accuracies beside it, as text by their column and by the name of the row.
    """
    summaries = {cell: tuple(summarise(found.get(task, ())) for task in tasks) for cell, found in values.items()}
    ranked = [place for place, task in enumerate(tasks) if not task.endswith(PARTS)]
    ranks = _mean_ranks([[row[place].mean for place in ranked] for row in summaries.values()])
    rows = tuple(TaskRow(cell, row, rank) for (cell, row), rank in zip(summaries.items(), ranks, strict=True))
    return TaskTable(title, tuple(tasks), rows, tuple(notes), published or {})


def _mean_ranks(means: Sequence[Sequence[float]]) -> list[float]:
    if any(isnan(mean) for row in means for mean in row):
        return [nan] * len(means)
    by_task = [rankdata([-mean for mean in column]) for column in zip(*means, strict=True)]
    return [fmean(float(ranks[place]) for ranks in by_task) for place in range(len(means))]
