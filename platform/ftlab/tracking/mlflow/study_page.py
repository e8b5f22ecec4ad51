"""The rows that a study's page lacks: references to trials of other studies, and names of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ftlab.tracking.mlflow import run_layout as layout
from ftlab.tracking.mlflow.run_history import StoredTrial
from ftlab.tracking.mlflow.run_texts import reference_note

if TYPE_CHECKING:
    from mlflow.entities import Run

SHOWN_TAGS = (layout.SEED_TAG, layout.STATUS_TAG, layout.REASON_TAG, layout.COLLAPSE_TAG)


@dataclass
class MissingRows:
    """The difference between a page and what it should show.

    Attributes:
        lacking: Name of the row of each trial that needs a reference, by the run it points to.
        nameless: Name of the row of each run of the study itself that does not say it, by run.
        superseded: References that point to another run than the one that counts by now, or show an earlier state.
    """

    lacking: dict[str, str] = field(default_factory=dict)
    nameless: dict[str, str] = field(default_factory=dict)
    superseded: set[str] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        """Return whether the page shows everything."""
        return not (self.lacking or self.nameless or self.superseded)


def missing_rows(
    study: str, cells: Mapping[str, str], stored: Mapping[str, StoredTrial], references: Sequence["Run"]
) -> MissingRows:
    """Return what a study's page lacks of some trials; references to others are left alone.

    Args:
        study: The study.
        cells: Name of each trial's row, by trial key; a trial without a record is left out.
        stored: The places of the trials.
        references: The study's references.
    """
    by_run: dict[str, list[Run]] = {}
    by_place: dict[tuple[str, str], list[Run]] = {}
    for run in references:
        tags = run.data.tags
        by_run.setdefault(tags.get(layout.REFERENCE_TAG, ""), []).append(run)
        by_place.setdefault((tags.get(layout.CELL_TAG, ""), tags.get(layout.SEED_TAG, "")), []).append(run)
    missing = MissingRows()
    for key, cell in cells.items():
        if (trial := stored.get(key)) is None:
            continue
        there = [*by_run.get(trial.run_id, ()), *by_place.get((cell, str(trial.seed)), ())]
        is_own = trial.study == study
        current = next((run.info.run_id for run in there if not is_own and _is_current(run, trial, cell)), None)
        missing.superseded |= {run.info.run_id for run in there} - {current}
        if is_own and not trial.cell:
            missing.nameless[trial.run_id] = cell
        elif not is_own and current is None:
            missing.lacking[trial.run_id] = cell
    return missing


def reference_tags(source: "Run", study: str, parent_run_id: str, cell: str) -> dict[str, str]:
    """Return the tags of a reference: not those by which a trial is found, so that it is never taken for one.

    Args:
        source: The run that it points to.
        study: The study that shows it.
        parent_run_id: The run of that study.
        cell: Name of its row there.
    """
    tags, place = source.data.tags, source.info
    shown = {name: tags[name] for name in SHOWN_TAGS if name in tags}
    note = reference_note(study, cell, tags[layout.SEED_TAG], tags[layout.STUDY_TAG], place.experiment_id, place.run_id)
    return {
        **shown,
        layout.PARENT_TAG: parent_run_id,
        layout.KIND_TAG: "reference",
        layout.STUDY_TAG: study,
        layout.REFERENCE_TAG: place.run_id,
        layout.CELL_TAG: cell,
        layout.DESCRIPTION_TAG: note,
    }


def _is_current(run: "Run", trial: StoredTrial, cell: str) -> bool:
    # One that still runs was left by a process that ended before its values were recorded.
    tags = {layout.REFERENCE_TAG: trial.run_id, layout.CELL_TAG: cell, layout.STATUS_TAG: str(trial.status)}
    return tags.items() <= run.data.tags.items() and run.info.status != "RUNNING"
