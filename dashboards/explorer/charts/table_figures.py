"""The figures of tables: accuracy of every cell, and the differences of the chosen ones."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from explorer.charts.drawn import Drawn, data_frame
from explorer.charts.run_figures import color_of
from explorer.page_selection import ChosenCell, Selection
from explorer.study_view import asked_cells
from ftlab.reporting.figures.axis_figure import axis_figure
from ftlab.reporting.pages.axis_chart import axis_chart
from ftlab.reporting.pages.forest_chart import forest_chart, forest_lines
from ftlab.reporting.printed.layout import row_name
from ftlab.reporting.printed.metric_labels import metric_name
from ftlab.reporting.table.ablation import AblationTable, Cell, ablate
from ftlab.reporting.table.comparison import Comparison


def draw_axis(table: AblationTable) -> Drawn:
    """Draw the accuracy of every cell; one that is not complete says so."""
    figure = axis_figure(table)
    points = tuple(
        replace(point, label=f"{point.label} (provisional)") if row.n_missing else point
        for point, row in zip(figure.points, table.rows, strict=True)
    )
    return Drawn(axis_chart(replace(figure, points=points)), lambda: data_frame(points))


def draw_differences(chosen: Selection, trials: pd.DataFrame) -> Drawn:
    """Draw the differences of the chosen cells, as their tables judge them.

    Args:
        chosen: The chosen cells; a single one stands among all of its table. If the address names one that the others
            are compared with, all cells of their tables are compared with it, so that the intervals hold at once
            however the chosen ones were picked.
        trials: All trials of the store.
    """
    view = chosen.current.view
    metric = view.table.metric
    reference = next((cell for cell in chosen.cells if cell.mark == chosen.address.against), None)
    if reference is not None:
        table = _table_against(chosen, reference, trials)
        lines = forest_lines(table, {cell.key: cell.label for cell in chosen.cells})
        note = _note(table, {reference.key: reference.label})
    elif len(chosen.cells) == 1:
        lines = forest_lines(view.shown, {row.cell: row_name(view.shown, row) for row in view.shown.rows})
        note = _note(view.shown, {name: name for name in view.shown.baselines})
    else:
        lines, notes = (), []
        for study in dict.fromkeys(cell.study for cell in chosen.cells):
            own = {cell.name: cell.label for cell in chosen.cells if cell.study == study}
            table = next(cell.view.shown for cell in chosen.cells if cell.study == study)
            lines += forest_lines(table, own)
            used = {row.baseline for row in table.rows if row.cell in own}
            notes.append(_note(table, {name: name for name in table.baselines if name in used}))
            if table.metric != metric:
                notes.append(f"{table.name} is judged by its {metric_name(table.metric)}.")
        note = " ".join(filter(None, notes))
    colors = {cell.label: color_of(cell.place) for cell in chosen.cells}
    return Drawn(forest_chart(lines, metric, colors), lambda: data_frame(lines), note)


def _note(table: AblationTable, baselines: Mapping[str, str]) -> str:
    families = {label: _comparisons(table, name) for name, label in baselines.items()}
    tested = {label: sum(not found.is_screen for found in family) for label, family in families.items()}
    notes = [
        f"With 95%, all differences to {label} ({number} in the table) lie in their intervals at once."
        for label, number in tested.items()
        if number
    ]
    if any(found.is_screen for family in families.values() for found in family):
        notes.append("A screen has fewer than four pairs of seeds: a simple interval, no test.")
    return " ".join(notes)


def _comparisons(table: AblationTable, baseline: str) -> list[Comparison]:
    return [row.comparison for row in table.family(baseline) if row.comparison is not None]


def _table_against(chosen: Selection, reference: ChosenCell, trials: pd.DataFrame) -> AblationTable:
    views = {cell.study: cell.view for cell in chosen.cells}
    keys = dict.fromkeys(key for view in views.values() for key in view.cell_keys.values())
    cells = tuple(Cell(key, {}, cell_key=key) for key in keys)
    metric, baseline = reference.view.table.metric, reference.key
    return ablate("", asked_cells(cells, trials) or cells, trials, metric=metric, baseline=baseline)
