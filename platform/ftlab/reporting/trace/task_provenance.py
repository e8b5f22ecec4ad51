"""The provenance of a table over tasks: everything that it was computed from, so that anyone can compute it again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from ftlab.reporting.table.task_table import TaskTable, tabulate_tasks
from ftlab.reporting.trace.differences import compare_files
from ftlab.reporting.trace.provenance import text_digest
from ftlab.reporting.trace.verification import Verification
from ftlab.reporting.writers.task_writer import render_tasks

TASKS_FILE = "transfer.json"


@dataclass(frozen=True)
class TaskValue:
    """An accuracy that stands in a table over tasks.

    Attributes:
        cell: Name of its row.
        task: Name of its column.
        trial_key: Digest of everything that decides it.
        metric: The metric.
        value: The accuracy in percent.
        run_id: Identifier in the tracking store; empty until the store has it.
    """

    cell: str
    task: str
    trial_key: str
    metric: str
    value: float
    run_id: str = ""


@dataclass(frozen=True)
class TaskProvenance:
    """Everything that a table over tasks was made from.

    Attributes:
        title: Question of the experiment.
        cells: Names of its rows.
        tasks: Names of its columns.
        values: The accuracies, one a seed.
        notes: Lines below the table.
        published: Published accuracies beside it, as text by their column and by the name of the row.
        files: SHA-256 of each file of the table by name.
    """

    title: str
    cells: tuple[str, ...]
    tasks: tuple[str, ...]
    values: tuple[TaskValue, ...]
    notes: tuple[str, ...] = ()
    published: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)

    def tabulate(self) -> TaskTable:
        """Compute the table."""
        values: dict[str, dict[str, list[float]]] = {cell: {} for cell in self.cells}
        for one in self.values:
            values[one.cell].setdefault(one.task, []).append(one.value)
        return tabulate_tasks(self.title, self.tasks, values, self.notes, self.published)

    def with_files(self) -> "TaskProvenance":
        """Return it with the digests of the table's files."""
        rendered = render_tasks(self.tabulate())
        return replace(self, files={name: text_digest(text) for name, text in rendered.items()})


def verify_tasks(provenance: TaskProvenance, files: Mapping[str, str], recorded: pd.DataFrame) -> Verification:
    """Recompute a table over tasks from the tracking store and compare its files with the result.

    Args:
        provenance: Provenance of the table.
        files: Content of the table's files by name.
        recorded: One row a trial as ``Tracker.load_trials`` returns them, evaluations among them.
    """
    rows = {str(row["trial_key"]): row for row in recorded.to_dict("records")}
    problems, found = [], []
    for one in provenance.values:
        row = rows.get(one.trial_key)
        name = f"cell {one.cell}, task {one.task}, evaluation {one.trial_key}"
        if row is None:
            problems.append(f"{name}: gone from the tracking store")
        elif row.get(one.metric) != one.value:
            now = row.get(one.metric)
            problems.append(f"{name}: was {one.value} when the table was written, and is {now} in the tracking store")
        else:
            found.append(one)
    if not problems:
        expected = render_tasks(replace(provenance, values=tuple(found)).tabulate())
        return Verification(tuple(map(str, compare_files(files, expected))), ())
    edited = [
        f"{name}: edited since it was written"
        for name, digest in provenance.files.items()
        if name in files and text_digest(files[name]) != digest
    ]
    return Verification((*problems, *edited), ())
