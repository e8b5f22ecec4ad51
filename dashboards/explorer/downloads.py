"""Downloads of a study: the files of ``results/``, made anew from the store."""

import re
from collections.abc import Callable
from urllib.parse import urlencode

from flask import Flask, Response, abort, request

from explorer.address import Address
from explorer.record_store import RecordStore
from explorer.study_view import view_study
from ftlab.reporting.figures.axis_figure import axis_figure
from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.writers.latex import table_tex
from ftlab.reporting.writers.spreadsheet import table_csv, trials_csv

PATH = "/files"
# A name comes from the store; a quote in it would end the name of the file, and the visitor would get another name.
UNSAFE = re.compile(r"[^A-Za-z0-9.+=_~-]")


def _figure(ending: str) -> Callable[[AblationTable], bytes]:
    def draw_figure(table: AblationTable) -> bytes:
        from ftlab.reporting.print.axis_drawing import draw  # matplotlib takes half a second to import

        return draw(axis_figure(table))[ending]

    return draw_figure


FILES: dict[str, tuple[str, Callable[[AblationTable], str | bytes]]] = {
    "table.csv": ("text/csv", table_csv),
    "trials.csv": ("text/csv", trials_csv),
    "table.tex": ("application/x-tex", table_tex),
    "figure.png": ("image/png", _figure("png")),
    "figure.pdf": ("application/pdf", _figure("pdf")),
}


def file_link(address: Address, name: str) -> str:
    """Return the address of a study's file."""
    return f"{PATH}/{name}?{urlencode({'experiment': address.experiment, 'profile': address.profile})}"


def serve_files(server: Flask, store: RecordStore) -> None:
    """Serve the files of every study of the store; 404 for anything else."""

    @server.get(f"{PATH}/<name>")
    def serve_file(name: str) -> Response:
        address = Address.parse(request.query_string.decode())
        trials = store.snapshot().trials
        if name not in FILES or address.study not in set(trials["study"]):
            abort(404)
        kind, render = FILES[name]
        stem = UNSAFE.sub("-", address.study)
        headers = {"Content-Disposition": f'attachment; filename="{stem}-{name}"'}
        return Response(render(view_study(address.study, trials).table), mimetype=kind, headers=headers)
