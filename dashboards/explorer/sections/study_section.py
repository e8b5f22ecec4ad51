"""The left half of the page: the list of studies, and the table of the chosen one."""

from collections.abc import Mapping, Sequence
from time import localtime, strftime
from typing import Any

import pandas as pd
from dash import dcc, html
from dash.development.base_component import Component

from explorer.address import Address
from explorer.downloads import FILES, file_link
from explorer.record_store import Snapshot
from explorer.sections.aria import aria
from explorer.study_view import StudyView
from ftlab.reporting.printed.layout import WORDS, PrintedColumn, PrintedRow, PrintedTable, lay_out


def navigation(names: Mapping[str, Sequence[str]], chosen: Address) -> list[Component]:
    """Return the links to all experiments, and to the profiles of the chosen one."""
    experiments = [
        _choice(name, Address(name, profiles[0]), name == chosen.experiment) for name, profiles in names.items()
    ]
    profiles = [
        _choice(name, Address(chosen.experiment, name), name == chosen.profile) for name in names[chosen.experiment]
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


def study_table(view: StudyView, chosen: Address, trials: pd.DataFrame) -> list[Component]:
    """Return the table, its notes and its files."""
    printed = lay_out(view.table)
    files = [html.A(name, href=file_link(chosen, name), download="") for name in FILES]
    return [
        html.H1(printed.title),
        html.P(f"{chosen.experiment} · {chosen.profile}", className="quiet"),
        html.Div(_table(view, printed, chosen, trials), className="scroll", tabIndex=0),
        html.Ul([html.Li(note) for note in _notes(view, printed)], className="notes"),
        html.P([html.Span("Download "), *files], className="files"),
    ]


def _table(view: StudyView, printed: PrintedTable, chosen: Address, trials: pd.DataFrame) -> Component:
    running = trials[trials["status"] == "running"]["cell_key"].value_counts()
    rows = [
        _row(
            printed,
            row,
            link=str(chosen.with_cell(row.cell)),
            current=row.cell == chosen.cell,
            running=int(running.get(view.cell_keys[row.cell], 0)),
        )
        for row in printed.rows
    ]
    labels = zip(printed.label_headings, printed.label_numeric, strict=True)
    heads = [html.Th(heading, scope="col", className=_class(numeric)) for heading, numeric in labels]
    heads += [html.Th(column.heading, scope="col", className=_class(_is_number(column))) for column in printed.columns]
    floors = [_floor(printed, row) for row in printed.floors]
    bodies = [html.Tbody(rows), *([html.Tbody(floors, className="floors")] if floors else [])]
    return html.Table([html.Thead(html.Tr(heads)), *bodies], className="rows")


def _row(printed: PrintedTable, row: PrintedRow, *, link: str, current: bool, running: int) -> Component:
    mark = [html.Span(f"{running} running", className="live")] if running else []
    first, *others = zip(row.labels, printed.label_numeric, strict=True)
    cells = [
        aria(
            html.Th([dcc.Link(first[0], href=link), *mark], scope="row", className=_class(first[1])),
            current="true" if current else "false",
        ),
        *(html.Td(label, className=_class(numeric)) for label, numeric in others),
        *(html.Td(_text(row, column.name), className=_class(_is_number(column))) for column in printed.columns),
    ]
    return html.Tr(cells, className="current" if current else "")


def _floor(printed: PrintedTable, row: PrintedRow) -> Component:
    first, *others = row.labels
    texts = [html.Td(row.texts[column.name], className=_class(_is_number(column))) for column in printed.columns]
    return html.Tr([html.Th(first, scope="row"), *map(html.Td, others), *texts])


def _text(row: PrintedRow, column: str) -> Any:
    text = row.texts[column]
    if column != "mean":
        return text
    emphasis = html.Strong if row.is_best else html.Span
    return [emphasis(text), html.Sup(row.marks)] if row.marks else emphasis(text)


def _notes(view: StudyView, printed: PrintedTable) -> list[str]:
    return [note for note in (view.note, f"{printed.summary}.", *printed.notes) if note]


def _is_number(column: PrintedColumn) -> bool:
    return column.name not in WORDS


def _choice(name: str, address: Address, chosen: bool) -> Component:
    return aria(html.Li(dcc.Link(name, href=str(address))), current="page" if chosen else "false")


def _class(is_numeric: bool) -> str:
    return "number" if is_numeric else ""


def _message(title: str, detail: str, advice: str | list[Component | str]) -> Component:
    return html.Div(
        [html.H2(title), html.P(advice), html.Pre(detail) if detail else ""], className="message", role="alert"
    )
