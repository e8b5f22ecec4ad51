"""The files of a table over tasks: every format and their provenance, written and verified."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from ftlab.reporting.table.task_table import TaskTable
from ftlab.reporting.trace.provenance import parse_as, provenance_text
from ftlab.reporting.trace.task_provenance import TASKS_FILE, TaskProvenance, verify_tasks
from ftlab.reporting.trace.verification import Verification
from ftlab.reporting.writers.task_writer import TASK_RENDERERS, render_tasks
from ftlab.storage.atomic import write_if_changed


def write_tasks(provenance: TaskProvenance, folder: Path) -> TaskTable:
    """Write a table over tasks in every format, and its provenance; unchanged files are left alone.

    Args:
        provenance: Everything that the table is made from.
        folder: Folder of the files.
    """
    table = provenance.tabulate()
    for name, text in render_tasks(table).items():
        write_if_changed(folder / name, text.encode())
    write_if_changed(folder / TASKS_FILE, provenance_text(provenance.with_files()).encode())
    return table


def verify_task_files(folder: Path, recorded: pd.DataFrame) -> Verification:
    """Compare the table over tasks of a folder with the tracking store; without one there is nothing to find.

    Args:
        folder: Folder of the files.
        recorded: One row a trial as ``Tracker.load_trials`` returns them.

    Raises:
        ResultsError: Its provenance was edited.
    """
    files = {
        name: (folder / name).read_bytes().decode(errors="replace")
        for name in TASK_RENDERERS
        if (folder / name).is_file()
    }
    path = folder / TASKS_FILE
    if path.is_file():
        provenance = parse_as(TaskProvenance, path.read_bytes().decode(errors="replace"), str(path))
        found = verify_tasks(provenance, files, recorded)
        count = f"{len(provenance.cells)} rows, {len(provenance.tasks)} tasks, {len(provenance.values)} accuracies"
        return found if found.problems else replace(found, notes=(*found.notes, f"{count}, as recorded"))
    unchecked = f"{', '.join(files)}: unchecked, because there is no {TASKS_FILE}; make evaluate writes it"
    return Verification((), (unchecked,) if files else ())
