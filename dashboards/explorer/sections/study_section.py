"""The left half of the page: the list of studies, and the table of the chosen one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import localtime, strftime
from typing import Any

import pandas as pd
from dash import dcc, html
from dash.development.base_component import Component

from explorer.address import MAX_COMPARED, Address, cell_mark
from explorer.charts.run_figures import color_of
from explorer.downloads import FILES, file_link
from explorer.page_selection import Selection
from explorer.record_store import Snapshot
from explorer.row_filter import MISSING, matches, sort_key
from explorer.sections.aria import aria
from explorer.sections.soft_link import soft_link
from explorer.study_view import StudyView
from ftlab.reporting.printed.layout import NOTHING, WORDS, PrintedColumn, PrintedRow, PrintedTable, lay_out
from ftlab.reporting.table.ablation import AblationRow

JUDGED = ("p", "outcome")

Row = tuple[AblationRow, PrintedRow]


def navigation(names: Mapping[str, Sequence[str]], chosen: Address) -> list[Component]:
    """Return the links to all experiments, and to the profiles of the chosen one; what is compared stays."""
    experiments = [
        _choice(name, chosen.with_study(f"{name}/{profiles[0]}"), name == chosen.experiment)
        for name, profiles in names.items()
    ]
    profiles = [
        _choice(name, chosen.with_study(f"{chosen.experiment}/{name}"), name == chosen.profile)
        for name in names[chosen.experiment]
    ]
    return [
        aria(html.Ul(experiments, className="choices"), label="Experiment"),
        aria(html.Ul(profiles, className="choices quiet"), label="Profile"),
    ]


def status_line(snapshot: Snapshot) -> list[Component | str]:
    """Return a line with the number of runs and the time of the last reading."""
    running = int((snapshot.trials["status"] == "running").sum())
    parts: list[Component | str] = [f"{len(snapshot.trials):,} runs"]
    if running:
        parts += [" · ", html.Span(f"{running} running", className="live")]
    return [*parts, f" · read at {strftime('%H:%M:%S', localtime(snapshot.read_at))}"]


def study_heading(chosen: Selection) -> list[Component]:
    """Return the question that the table answers, and its name."""
    table = chosen.current.view.table
    return [html.H1(table.title), html.P(f"{chosen.address.experiment} · {chosen.address.profile}", className="quiet")]


def nothing_to_show(snapshot: Snapshot) -> list[Component]:
    """Return a message on a problem and its remedy; nothing if there is no problem."""
    if snapshot.problem:
        title = "The tracking store did not answer; what was read before is shown."
        if snapshot.trials.empty:
            title = "The tracking store did not answer."
        return [_message(title, snapshot.problem, "The page tries again by itself.")]
    if snapshot.version == 0:
        return [_message("Reading the tracking store ...", "A large store takes a few seconds.", "")]
    if snapshot.trials.empty:
        advice: list[Component | str] = [
            "Record something first: ",
            html.Code("make sweep EXP=momentum"),
            ". The page refreshes by itself.",
        ]
        return [_message("The tracking store is empty.", "", advice)]
    return []


def search_field(text: str) -> list[Component]:
    """Return the field that chooses rows of the table, see `explorer.row_filter`."""
    field = dcc.Input(
        id="find", value=text, type="text", debounce=0.4, placeholder="words, or a setting: momentum>=0.9"
    )
    return [html.Label("Find rows", htmlFor="find", className="quiet"), field]


def study_table(chosen: Selection, trials: pd.DataFrame) -> list[Component]:
    """Return the rows of the table that the address asks for, in its order.

    Args:
        chosen: What the address chooses.
        trials: All trials of the store.
    """
    view, address = chosen.current.view, chosen.address
    printed = lay_out(view.shown)
    rows = _shown_rows(view, printed, address, trials)
    left_out = len(printed.rows) - len(rows)
    found = [html.P(f"{len(rows)} of {len(printed.rows)} rows are shown.", className="notes")] if left_out else []
    return [html.Div(_table(chosen, printed, rows, trials), className="scroll", tabIndex=0), *found]


def study_notes(chosen: Selection) -> list[Component]:
    """Return the notes of the table, and its files."""
    view = chosen.current.view
    files = [html.A(name, href=file_link(chosen.address, name), download="") for name in FILES]
    return [
        html.Ul([html.Li(note) for note in _notes(view, lay_out(view.shown))], className="notes"),
        html.P([html.Span("Download "), *files], className="files"),
    ]


def _shown_rows(view: StudyView, printed: PrintedTable, address: Address, trials: pd.DataFrame) -> list[Row]:
    settings = dict(zip(trials["cell_key"], trials["params"], strict=True)) if address.find else {}
    rows = [
        (row, found)
        for row, found in zip(view.shown.rows, printed.rows, strict=True)
        if matches(address.find, f"{row.cell} {' '.join(found.labels)}", settings.get(view.cell_keys[row.cell], {}))
    ]
    column = address.sort.removeprefix("-")
    if column:
        keys = {row.cell: sort_key(_value(printed, row, found, column)) for row, found in rows}
        known = sorted(
            (row for row in rows if keys[row[0].cell][0] < MISSING),
            key=lambda row: keys[row[0].cell],
            reverse=address.sort.startswith("-"),
        )
        rows = [*known, *(row for row in rows if keys[row[0].cell][0] == MISSING)]
    return rows


def _value(printed: PrintedTable, row: AblationRow, found: PrintedRow, column: str) -> object:
    """Return the value by which a row is sorted: exact where the table has it, else the printed one."""
    if column in printed.label_headings:
        text = found.labels[printed.label_headings.index(column)]
    elif column == "mean":
        return row.summary.mean
    elif column in ("difference", "p") and row.comparison is not None:
        return row.comparison.p if column == "p" else row.comparison.difference.mean
    else:
        text = found.texts.get(column, NOTHING)
    return "" if text == NOTHING else text


def _table(chosen: Selection, printed: PrintedTable, rows: list[Row], trials: pd.DataFrame) -> Component:
    running = trials[trials["status"] == "running"]["cell_key"].value_counts()
    view = chosen.current.view
    places = {cell.key: cell.place for cell in chosen.cells}
    body = [
        _row(
            chosen,
            printed,
            row,
            found,
            running=int(running.get(view.cell_keys[row.cell], 0)),
            place=places.get(view.cell_keys[row.cell]),
        )
        for row, found in rows
    ]
    labels = zip(printed.label_headings, printed.label_numeric, strict=True)
    heads = [
        html.Th(html.Span("compare", className="unseen"), scope="col"),
        *(_head(chosen.address, heading, heading, numeric) for heading, numeric in labels),
        *(_head(chosen.address, column.name, column.heading, _is_number(column)) for column in printed.columns),
    ]
    floors = [_floor(printed, row) for row in printed.floors]
    bodies = [html.Tbody(body), *([html.Tbody(floors, className="floors")] if floors else [])]
    return html.Table([html.Thead(html.Tr(heads)), *bodies], className="rows")


def _head(address: Address, name: str, heading: str, numeric: bool) -> Component:
    if "interval" in name:
        return html.Th(heading, scope="col", className=_class(numeric))
    # The first click on a number sorts the largest first.
    first, second = (f"-{name}", name) if numeric else (name, f"-{name}")
    after = {"": first, first: second, second: ""}.get(address.sort, first)
    direction = {name: "ascending", f"-{name}": "descending"}.get(address.sort, "none")
    link = soft_link(heading, replace(address, sort=after), name="sort")
    return aria(html.Th(link, scope="col", className=_class(numeric)), sort=direction)


def _row(
    chosen: Selection, printed: PrintedTable, row: AblationRow, found: PrintedRow, *, running: int, place: int | None
) -> Component:
    address, current = chosen.address, row.cell == chosen.address.cell
    first, *others = zip(found.labels, printed.label_numeric, strict=True)
    cells = [
        html.Td(_tick(chosen, row.cell, ", ".join(found.labels), place), className="tick"),
        html.Th(
            [soft_link(first[0], replace(address, cell=row.cell), chosen=current), *_live_marks(row, running)],
            scope="row",
            className=_class(first[1]),
        ),
        *(html.Td(label, className=_class(numeric)) for label, numeric in others),
        *(html.Td(_text(row, found, column.name), className=_class(_is_number(column))) for column in printed.columns),
    ]
    names = {"current": current, "provisional": row.n_missing > 0}
    return html.Tr(cells, className=" ".join(name for name, holds in names.items() if holds))


def _tick(chosen: Selection, cell: str, label: str, place: int | None) -> list[Component]:
    mark = cell_mark(chosen.address.study, cell)
    compared = mark in chosen.address.compare
    if not compared and len(chosen.address.compare) >= MAX_COMPARED:
        return []
    color = None if place is None else {"--color": color_of(place)}
    box = aria(html.Span("✓" if compared else "", className="box", style=color), hidden="true")
    return [soft_link(box, chosen.address.toggled("compare", [mark]), chosen=compared, label=f"Compare {label}")]


def _live_marks(row: AblationRow, running: int) -> list[Component]:
    marks: list[Component] = [html.Span(f"{running} running", className="live")] if running else []
    if row.n_missing:
        marks.append(
            html.Span(f"provisional, {row.n_trials} of {row.n_trials + row.n_missing} seeds", className="so-far")
        )
    return marks


def _floor(printed: PrintedTable, row: PrintedRow) -> Component:
    first, *others = row.labels
    texts = [html.Td(row.texts[column.name], className=_class(_is_number(column))) for column in printed.columns]
    return html.Tr([html.Td(), html.Th(first, scope="row"), *map(html.Td, others), *texts])


def _text(row: AblationRow, found: PrintedRow, column: str) -> Any:
    # Until a row is complete, further seeds may change what is said of it.
    if column in JUDGED and row.n_missing:
        return NOTHING
    text = found.texts[column]
    if column != "mean":
        return text
    emphasis = html.Strong if row.is_best else html.Span
    return [emphasis(text), html.Sup(found.marks)] if found.marks else emphasis(text)


def _notes(view: StudyView, printed: PrintedTable) -> list[str]:
    return [note for note in (view.note, f"{printed.summary}.", *printed.notes) if note]


def _is_number(column: PrintedColumn) -> bool:
    return column.name not in WORDS


def _choice(name: str, address: Address, chosen: bool) -> Component:
    return aria(html.Li(soft_link(name, address, chosen=chosen)), current="page" if chosen else "false")


def _class(is_numeric: bool) -> str:
    return "number" if is_numeric else ""


def _message(title: str, detail: str, advice: str | list[Component | str]) -> Component:
    return html.Div(
        [html.H2(title), html.P(advice), html.Pre(detail) if detail else ""], className="message", role="alert"
    )
