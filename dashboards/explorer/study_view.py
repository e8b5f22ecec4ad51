"""A study as the page shows it: its table, and the recorded trials of each cell, including running ones."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pandas as pd

from explorer.record_store import Snapshot
from ftlab.config.home import ftlab_home
from ftlab.config.loading import parse_overrides
from ftlab.errors import FtlabError
from ftlab.publish.judged_floors import load_floors
from ftlab.publish.table import define_table
from ftlab.publish.table_options import TableOptions
from ftlab.reporting.table.ablation import AblationRow, AblationTable, Cell, ablate
from ftlab.study.identity import cell_key
from ftlab.study.overrides import overrides_suffix
from ftlab.study.recorded_params import params_in_effect
from ftlab.study.spec import METRICS, StudySpec, expand_trials, load_study
from ftlab.tracking.records import TrialStatus

FINGERPRINT_TAG = "data.fingerprint"
MAX_KEPT = 100
Made = TypeVar("Made")
UNFINISHED = (TrialStatus.RUNNING, TrialStatus.INTERRUPTED)


@dataclass(frozen=True)
class StudyView:
    """A study of the store.

    Attributes:
        table: Its table over every recorded seed, as ``make table`` would write it for the present experiment file,
            with the floors that this FTLAB_HOME has records of.
        cell_keys: Key of each cell by its name.
        note: The reason why the table follows the records instead of an experiment file; usually empty.
        live: The same table while trials of the study have not ended: a row that lacks a seed of another row is not
            complete. None when all have.
    """

    table: AblationTable
    cell_keys: Mapping[str, str]
    note: str = ""
    live: AblationTable | None = None

    @property
    def shown(self) -> AblationTable:
        """The table that the page shows."""
        return self.live or self.table

    def row(self, cell: str) -> AblationRow:
        """Return a row that is shown by its name, else the baseline's, else the first."""
        rows = {row.cell: row for row in self.shown.rows}
        return next((rows[name] for name in (cell, *self.table.baselines) if name in rows), self.shown.rows[0])

    def trials_of(self, cell: str, trials: pd.DataFrame) -> pd.DataFrame:
        """Return every recorded trial of a cell, with any status, by seed."""
        return trials[trials["cell_key"] == self.cell_keys[cell]].sort_values(["seed", "trial_key"])


def study_names(trials: pd.DataFrame) -> dict[str, list[str]]:
    """Return the recorded profiles, with their marks of overrides, by experiment."""
    names: dict[str, list[str]] = {}
    for study in sorted(trials["study"].unique()):
        experiment, _, profile = study.partition("/")
        names.setdefault(experiment, []).append(profile)
    return names


def view_study(study: str, trials: pd.DataFrame) -> StudyView:
    """Return a recorded study.

    Its experiment file decides the cells of the table. If the file is gone, is a search, or asks for other cells than
    the recorded ones, the records decide.

    Args:
        study: Name of a study that has trials.
        trials: All trials of the store.
    """
    own = trials[trials["study"] == study]
    fingerprint = own["tags"].iloc[-1].get(FINGERPRINT_TAG, "")
    try:
        spec = _load(study)
    except FtlabError as error:
        return _view_records(study, own, f"Rows follow the records, since the experiment cannot be loaded: {error}")
    cell_keys = {cell.name: cell_key(cell.config, fingerprint) for cell in spec.cells}
    if not set(cell_keys.values()) & set(own["cell_key"]):
        return _view_records(study, own, "Rows follow the records, since the experiment file asks for other cells now.")
    floors = load_floors(spec, fingerprint, ftlab_home())
    options = TableOptions(all_seeds=True)
    definition = define_table(spec, expand_trials(spec, fingerprint), trials, options, floors)
    asked = asked_cells(definition.cells, trials)
    live = replace(definition, cells=asked).tabulate(trials) if asked else None
    return StudyView(definition.tabulate(trials), cell_keys, live=live)


def asked_cells(cells: Sequence[Cell], trials: pd.DataFrame) -> tuple[Cell, ...]:
    """Return cells that each need every seed that one of them has; none if all their trials have ended."""
    own = trials[trials["cell_key"].isin([cell.cell_key for cell in cells])]
    if not own["status"].isin(UNFINISHED).any():
        return ()
    seeds = set(own["seed"])
    known = {key: dict(zip(rows["seed"], rows["trial_key"], strict=True)) for key, rows in own.groupby("cell_key")}
    keys = (tuple(known.get(cell.cell_key, {}).get(seed, f"seed {seed}") for seed in seeds) for cell in cells)
    return tuple(replace(cell, trial_keys=found) for cell, found in zip(cells, keys, strict=True))


class StudyViews:
    """Keeps views of the studies that were shown, and what else is made of the same trials, until trials change."""

    def __init__(self) -> None:
        self._made: OrderedDict[Hashable, Any] = OrderedDict()
        self._version = 0
        # What is made may ask for a view.
        self._lock = threading.RLock()

    def of(self, study: str, snapshot: Snapshot) -> StudyView:
        """Return the view of a study of the snapshot; see `view_study`."""
        return self.kept(snapshot, study, lambda: view_study(study, snapshot.trials))

    def kept(self, snapshot: Snapshot, name: Hashable, make: Callable[[], Made]) -> Made:
        """Return what is made of a snapshot: once, although several callbacks of one click ask for it at once.

        Args:
            snapshot: A reading of the store.
            name: Tells it from all else that is made of the snapshot.
            make: Makes it.
        """
        with self._lock:
            if snapshot.version != self._version:
                self._version = snapshot.version
                self._made.clear()
            if name not in self._made:
                self._made[name] = make()
            self._made.move_to_end(name)
            while len(self._made) > MAX_KEPT:
                self._made.popitem(last=False)
            found: Made = self._made[name]
            return found


def _load(study: str) -> StudySpec:
    experiment, _, marked = study.partition("/")
    profile, *assignments = marked.split("+")
    overrides = parse_overrides(assignments)
    spec = load_study(experiment, profile, overrides=overrides)
    if f"{profile}{overrides_suffix(spec.overrides)}" != marked:
        raise FtlabError(f"the overrides must be readable in the study's name, but it is {study!r}.")
    return spec


def _view_records(study: str, own: pd.DataFrame, note: str) -> StudyView:
    names = own.drop_duplicates("cell_key").set_index("cell_key")
    settings = [params_in_effect(params) for params in names["params"]]
    axes = _varying_settings(settings)
    cells = [
        Cell(
            name=name,
            axes={axis: params.get(axis) for axis in axes},
            cell_key=str(key),
        )
        for key, name, params in zip(names.index, _distinct(names["name"]), settings, strict=True)
    ]
    metric = next((metric for metric in METRICS if metric in own and own[metric].notna().any()), METRICS[0])
    with_metric = own if metric in own else own.assign(**{metric: float("nan")})
    name, asked = study.partition("/")[0], asked_cells(cells, own)
    table = ablate(name, cells, with_metric, metric=metric)
    live = ablate(name, asked, with_metric, metric=metric) if asked else None
    return StudyView(table, {cell.name: cell.cell_key for cell in cells}, note, live)


def _varying_settings(each: Sequence[Mapping[str, str]]) -> list[str]:
    names = dict.fromkeys(name for settings in each for name in settings if name != "seed")
    return [name for name in names if len({settings.get(name) for settings in each}) > 1]


def _distinct(names: Iterable[str]) -> list[str]:
    """Return the names of trials without their seeds; equal names are numbered."""
    plain = [name.rpartition(" seed ")[0] or name for name in names]
    return [
        name if plain.count(name) == 1 else f"{name} ({plain[:place].count(name) + 1})"
        for place, name in enumerate(plain)
    ]
