"""Verify that the files of a table still match the tracking store."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import isnan

import pandas as pd

from ftlab.reporting.inference.collapse import FAILED, recorded_state
from ftlab.reporting.printed.metric_labels import metric_label
from ftlab.reporting.table.cell_trials import FINAL
from ftlab.reporting.trace.differences import Difference, compare_files
from ftlab.reporting.trace.provenance import Provenance, SourceTrial, text_digest
from ftlab.reporting.writers.render import render_table


@dataclass(frozen=True)
class Verification:
    """The result of verifying the files of a table.

    Attributes:
        problems: Everything that differs from the tracking store, in words; empty when nothing does.
        notes: Remarks that are no errors.
    """

    problems: tuple[str, ...]
    notes: tuple[str, ...]


def verify_table(
    provenance: Provenance,
    files: Mapping[str, str],
    recorded: pd.DataFrame,
    drawn: Mapping[str, bytes] | None = None,
) -> Verification:
    """Recompute a table from the tracking store and compare its files with the result.

    Only the trials that the provenance names count. If one of them is gone or changed, the table cannot be recomputed,
    and the files are only compared with their digests.

    Args:
        provenance: Provenance of the table.
        files: Content of the table's files by name.
        recorded: One row a trial as ``Tracker.load_trials`` returns them.
        drawn: Content of the report and the figures by path below the folder; None leaves them unverified.
    """
    redrawn = [] if drawn is None else _redrawn(provenance, drawn)
    notes = _notes(provenance, recorded)
    if drawn is not None and not provenance.drawn:
        notes = (*notes, "report and figures are unchecked: they were written before they had digests")
    trials = _trial_problems(provenance, recorded)
    if trials:
        edited = [f"{name}: edited since it was written" for name in _edited(provenance, files)]
        return Verification((*trials, *edited, *redrawn), notes)
    table = provenance.tabulate(recorded)
    differences = compare_files(files, render_table(table, provenance.definition.tex_style))
    return Verification((*_explained(provenance, files, differences), *redrawn), notes)


def _trial_problems(provenance: Provenance, recorded: pd.DataFrame) -> list[str]:
    rows = {str(row["trial_key"]): row for row in provenance.select(recorded).to_dict("records")}
    problems = []
    for trial in provenance.trials:
        name = f"cell {trial.cell}, trial {trial.trial_key} (seed {trial.seed})"
        row = rows.get(trial.trial_key)
        if row is None:
            problems.append(f"{name}: gone from the tracking store")
        else:
            problems += [f"{name}: {change}" for change in _changes(trial, row, provenance.definition.metric)]
    return problems


def _changes(trial: SourceTrial, row: Mapping[object, object], metric: str) -> Iterator[str]:
    value = row.get(metric)
    is_value = isinstance(value, float | int) and not isnan(value) and row["status"] != FAILED
    status = recorded_state(str(row["status"]), {str(name): found for name, found in row.items()})
    now = {"status": status, "run": row["run_id"], metric: value if is_value else None}
    then = {"status": trial.status, "run": trial.run_id, metric: trial.value}
    for name, before in then.items():
        if now[name] != before:
            what = metric_label(name)
            yield f"{what} was {before} when the table was written, and is {now[name]} in the tracking store"


def _edited(provenance: Provenance, files: Mapping[str, str]) -> list[str]:
    return [name for name, digest in provenance.files.items() if name in files and text_digest(files[name]) != digest]


def _redrawn(provenance: Provenance, drawn: Mapping[str, bytes]) -> list[str]:
    problems = []
    for name, digest in provenance.drawn.items():
        if name not in drawn:
            problems.append(f"{name}: missing")
        elif sha256(drawn[name]).hexdigest() != digest:
            problems.append(f"{name}: edited since it was written")
    return problems


def _explained(provenance: Provenance, files: Mapping[str, str], differences: list[Difference]) -> Iterator[str]:
    edited = set(_edited(provenance, files))
    for difference in differences:
        untouched = difference.file in files and difference.file not in edited
        # Nobody edited the file, so a record beside the metric, or the code that writes tables, has changed.
        yield f"{difference} (the file is as it was written)" if untouched else str(difference)


def _notes(provenance: Provenance, recorded: pd.DataFrame) -> tuple[str, ...]:
    cells = {cell.cell_key: cell.name for cell in provenance.definition.cells}
    since = recorded[
        recorded["cell_key"].isin(cells)
        & recorded["status"].isin(FINAL)
        & ~recorded["trial_key"].isin(provenance.trial_keys)
    ]
    counts = since["cell_key"].map(cells).value_counts().sort_index()
    return tuple(f"cell {name}: {count} further seeds are recorded" for name, count in counts.items())
