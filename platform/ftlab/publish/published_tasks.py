"""Published accuracies that stand beside a table over tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ftlab.config.loading import experiments_folder
from ftlab.reporting.table.published import load_published, series_names
from ftlab.study.spec import StudySpec, axis_values


@dataclass(frozen=True)
class PublishedTasks:
    """Published accuracies of the cells of a study.

    Attributes:
        columns: They, as text, by their column and by the name of the cell.
        notes: Lines that say where they come from.
    """

    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def load_published_tasks(study: StudySpec) -> PublishedTasks:
    """Load the published accuracies of a study's cells; empty if it names no file.

    Raises:
        ConfigError: There is no such file, or it breaks the rules of published tables.
    """
    if study.published_tasks is None:
        return PublishedTasks()
    path = experiments_folder() / "published" / f"{study.published_tasks}.csv"
    columns, protocols = {}, dict[str, list[str]]()
    for name in series_names(path):
        series = load_published(path, name)
        found = {cell.name: series.lookup(axis_values(study, cell), cell.name) for cell in study.cells}
        columns[f"paper: {name}"] = {cell: value.shown for cell, value in found.items() if value is not None}
        protocols.setdefault(series.source, []).append(series.protocol)
    notes = (f"Paper: {source} ({'; '.join(each)})." for source, each in protocols.items())
    return PublishedTasks(columns, tuple(notes))
