"""The cells and runs that the figures show, and their labels and colours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from explorer.address import EACH, MAX_COMPARED, Address, cell_mark
from explorer.record_store import Snapshot
from explorer.study_view import StudyView, StudyViews, study_names
from ftlab.reporting.printed.layout import row_name
from ftlab.tracking.records import TrialStatus

# Histories of as many runs are read and drawn within half a second.
MAX_SHOWN = 40


@dataclass(frozen=True)
class ChosenCell:
    """A cell that the figures show.

    Attributes:
        study: Name of its study in the store.
        name: Name in its table.
        label: Name in figures: the shortest that tells the chosen cells apart.
        place: Place of its colour; the same while it is compared.
        view: Its study.
    """

    study: str
    name: str
    label: str
    place: int
    view: StudyView

    @property
    def mark(self) -> str:
        """The cell as it stands in an address."""
        return cell_mark(self.study, self.name)

    @property
    def key(self) -> str:
        """Digest that its trials share."""
        return self.view.cell_keys[self.name]


@dataclass(frozen=True)
class Run:
    """A run that the figures show.

    Attributes:
        key: Its trial key.
        label: Name in figures.
        group: Label of the cell in whose mean it counts; empty for a run by itself.
        place: Place of its colour.
        record: Its row of `Tracker.load_trials`.
    """

    key: str
    label: str
    group: str
    place: int
    record: Mapping[str, Any]

    @property
    def settings(self) -> Mapping[str, str]:
        """Its recorded settings by dotted name."""
        return self.record["params"]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Selection:
    """Everything that an address chooses in a reading of the store.

    Attributes:
        address: The address, with the study and the cell that are shown.
        cells: The chosen cells: the current one first unless it is compared, then the compared ones.
        runs: Their runs by seed, and the runs laid over them; at most `MAX_SHOWN`.
        available: All runs of the chosen cells.
        left_out: The number of runs that are too many.
    """

    address: Address
    cells: tuple[ChosenCell, ...]
    runs: tuple[Run, ...]
    available: pd.DataFrame
    left_out: int

    @cached_property
    def current(self) -> ChosenCell:
        """The cell of the address."""
        here = cell_mark(self.address.study, self.address.cell)
        return next((cell for cell in self.cells if cell.mark == here), self.cells[0])

    @property
    def keys(self) -> list[str]:
        """Trial keys of the runs."""
        return [run.key for run in self.runs]

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the runs by trial key."""
        return {run.key: run.label for run in self.runs}

    @property
    def groups(self) -> dict[str, str]:
        """Label of the cell in whose mean a run counts, by the run's label."""
        return {run.label: run.group for run in self.runs if run.group}

    @property
    def each(self) -> bool:
        """True if every run is drawn beside the means."""
        return self.address.runs == EACH


def select(address: Address, snapshot: Snapshot, views: StudyViews) -> Selection:
    """Return what an address chooses: the nearest there is where the store lacks something.

    Args:
        address: The address.
        snapshot: A reading of the store that holds a trial.
        views: The studies.
    """
    return views.kept(snapshot, address, lambda: _select(nearest_study(address, snapshot), snapshot, views))


def _select(address: Address, snapshot: Snapshot, views: StudyViews) -> Selection:
    view = views.of(address.study, snapshot)
    address = replace(address, cell=view.row(address.cell).cell)
    cells = _cells(address, snapshot, views)
    trials = snapshot.trials
    keys = [cell.key for cell in cells]
    available = trials[trials["cell_key"].isin(keys)]
    available = available.assign(cell_place=available["cell_key"].map(keys.index)).sort_values(
        ["seed", "cell_place", "trial_key"]
    )
    chosen = available
    if address.seed:
        chosen = chosen[chosen["seed"].astype(str).isin(address.seed)]
    if address.status:
        chosen = chosen[chosen["status"].isin(address.status)]
    overlaid = trials[trials["trial_key"].isin(address.run) & ~trials["trial_key"].isin(chosen["trial_key"])]
    room = MAX_SHOWN - min(len(overlaid), MAX_SHOWN)
    runs = tuple(_runs(cells, chosen[:room], overlaid[:MAX_SHOWN]))
    return Selection(address, cells, runs, available, max(len(chosen) - room, 0))


def nearest_study(asked: Address, snapshot: Snapshot) -> Address:
    """Return the address with a study that the store has: its own, else the nearest."""
    names = study_names(snapshot.trials)
    experiment = asked.experiment if asked.experiment in names else next(iter(names))
    profiles = names[experiment]
    profile = asked.profile if asked.profile in profiles else profiles[0]
    return replace(asked, experiment=experiment, profile=profile)


def _cells(address: Address, snapshot: Snapshot, views: StudyViews) -> tuple[ChosenCell, ...]:
    studies = set(snapshot.trials["study"].unique())
    here = cell_mark(address.study, address.cell)
    marks = [(place, mark.partition("|")) for place, mark in enumerate(address.compare[:MAX_COMPARED], start=1)]
    if here not in address.compare:
        marks.insert(0, (0, here.partition("|")))
    found: dict[str, tuple[int, str, str, StudyView]] = {}
    for place, (study, _, name) in marks:
        view = views.of(study, snapshot) if study in studies else None
        if view is not None and name in view.cell_keys:
            # A cell that two tables share is the same trials.
            found.setdefault(view.cell_keys[name], (place, study, name, view))
    shown = {study for _, study, _, _ in found.values()}
    return tuple(
        ChosenCell(study, name, _within(study, shown) + row_name(view.table, view.row(name)), place, view)
        for place, study, name, view in found.values()
    )


def _within(study: str, studies: set[str]) -> str:
    """Return the beginning of a label that tells a study from the others that are shown."""
    if studies == {study}:
        return ""
    experiments = [name.partition("/")[0] for name in studies]
    short = study.partition("/")[0]
    return f"{short if experiments.count(short) == 1 else study}: "


def _runs(cells: tuple[ChosenCell, ...], chosen: pd.DataFrame, overlaid: pd.DataFrame) -> Iterable[Run]:
    alone = len(cells) == 1 and overlaid.empty
    by_key = {cell.key: cell for cell in cells}
    place = max(cell.place for cell in cells)
    studies = {*(cell.study for cell in cells), *overlaid["study"]}
    for record in _records(chosen):
        cell = by_key[str(record["cell_key"])]
        label = f"seed {record['seed']}" if alone else f"{cell.label} seed {record['seed']}"
        counts = record["status"] == TrialStatus.FINISHED
        label = label if counts else f"{label}, {record['status']}"
        yield Run(str(record["trial_key"]), label, cell.label if counts else "", cell.place, record)
    for record in _records(overlaid):
        place += 1
        label = f"{_within(str(record['study']), studies)}{record['name']}"
        yield Run(str(record["trial_key"]), label, "", place, record)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in record.items()} for record in frame.to_dict("records")]
