"""Published accuracies that stand beside a table over tasks."""

from ftlab.config.loading import experiments_folder
from ftlab.reporting.table.published import load_published, series_names
from ftlab.study.spec import StudySpec, axis_values


def load_published_tasks(study: StudySpec) -> dict[str, dict[str, str]]:
    """Return the published accuracies of a study's cells, as text by their column and by the name of the cell.

    Raises:
        ConfigError: There is no such file, or it breaks the rules of published tables.
    """
    if study.published_tasks is None:
        return {}
    path = experiments_folder() / "published" / f"{study.published_tasks}.csv"
    columns = {}
    for name in series_names(path):
        series = load_published(path, name)
        found = {cell.name: series.lookup(axis_values(study, cell), cell.name) for cell in study.cells}
        column = f"{name} ({series.source})"
        columns[column] = {cell: value.shown for cell, value in found.items() if value is not None}
    return columns
