"""The head of the right half of the page: the chosen cells with their results and colours."""

from math import isnan

from dash import html
from dash.development.base_component import Component

from explorer.charts.run_figures import color_of
from explorer.page_selection import ChosenCell, Run, Selection
from explorer.sections.aria import aria
from explorer.sections.soft_link import soft_link
from ftlab.reporting.printed.layout import lay_out
from ftlab.reporting.printed.metric_labels import metric_label


def cell_heading(chosen: Selection) -> list[Component]:
    """Return the name of the current cell and its result."""
    return [html.H2(chosen.current.label), html.P(_result(chosen.current), className="quiet")]


def color_key(chosen: Selection) -> list[Component]:
    """Return the legend of all figures: the chosen cells, then the runs by themselves; empty for a single mean."""
    cells = [_cell_item(chosen, cell) for cell in chosen.cells]
    runs = [_run_item(chosen, run) for run in chosen.runs if not run.group]
    if len(cells) + len(runs) == 1:
        return []
    return [aria(html.Ul([*cells, *runs], className="key"), label="What the figures show")]


def swatch(place: int, *, thin: bool = False) -> Component:
    """Return a piece of line in the colour of a cell or run."""
    line = html.Span(className="swatch thin" if thin else "swatch", style={"borderColor": color_of(place)})
    return aria(line, hidden="true")


def _cell_item(chosen: Selection, cell: ChosenCell) -> Component:
    shown = chosen.address
    remove = (
        [soft_link("✕", shown.toggled("compare", [cell.mark]), name="remove", label=f"Compare {cell.label} no longer")]
        if cell.mark in shown.compare
        else []
    )
    # The heading says that of the current cell.
    result = [] if cell is chosen.current else [html.Span(_result(cell), className="quiet")]
    name = html.Span([html.B(cell.label), *result])
    return html.Li([swatch(cell.place), name, *remove])


def _run_item(chosen: Selection, run: Run) -> Component:
    remove = (
        [
            soft_link(
                "✕", chosen.address.toggled("run", [run.key]), name="remove", label=f"Lay {run.label} over no longer"
            )
        ]
        if run.key in chosen.address.run
        else []
    )
    return html.Li([swatch(run.place, thin=not remove), html.Span(run.label), *remove])


def _result(cell: ChosenCell) -> str:
    table = cell.view.shown
    places = {row.cell: place for place, row in enumerate(table.rows)}
    row, printed = table.rows[places[cell.name]], lay_out(table).rows[places[cell.name]]
    interval = f", 95% interval {printed.texts['interval']}" if not isnan(row.summary.ci_low) else ""
    so_far = ", provisional" if row.n_missing else ""
    return f"{metric_label(table.metric)} {printed.texts['mean']}{interval}, n = {printed.texts['n']}{so_far}"
