"""The table as a fragment of HTML, for reports and pages."""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from ftlab.reporting.printed.layout import NOTHING, PrintedColumn, PrintedRow, PrintedTable, lay_out
from ftlab.reporting.printed.two_way import TwoWay
from ftlab.reporting.table.ablation import AblationTable


def table_html(table: AblationTable) -> str:
    """Return the table as ``<figure class="ablation-table">`` without style, script or references to other files.

    All headings have a scope, and the elements of a cell have its name in ``data-cell``. Within them, the
    class of each ``<td>`` (in a table of two dimensions, of each ``<span>``) is the name of its column.
    """
    printed = lay_out(table)
    body = _list(printed) if printed.two_way is None else _grid(printed, printed.two_way)
    lines = [
        '<figure class="ablation-table">',
        "<table>",
        f"<caption>{escape(printed.title)}</caption>",
        *body,
        "</table>",
        "<figcaption>",
        *(f"<p>{escape(note)}</p>" for note in (f"{printed.summary}.", *printed.notes)),
        "</figcaption>",
        "</figure>",
    ]
    return "\n".join(lines) + "\n"


def _list(printed: PrintedTable) -> list[str]:
    groups = [(group, list(columns)) for group, columns in groupby(printed.columns, key=_group)]
    first = [f'<th scope="col" rowspan="2">{escape(heading)}</th>' for heading in printed.label_headings]
    second = []
    for group, columns in groups:
        if not columns[0].group:
            first.append(f'<th scope="col" rowspan="2">{escape(group)}</th>')
            continue
        first.append(f'<th scope="colgroup" colspan="{len(columns)}">{escape(group)}</th>')
        second += [f'<th scope="col">{escape(column.short)}</th>' for column in columns]
    colgroups = [
        f'<colgroup span="{span}">' for span in (len(first) - len(groups), *(len(found) for _, found in groups))
    ]
    names = [column.name for column in printed.columns]
    rows = [_row(row, names) for row in printed.rows]
    floors = [_row(row, names) for row in printed.floors]
    body = ["<tbody>", *rows, "</tbody>", *(['<tbody class="floors">', *floors, "</tbody>"] if floors else [])]
    return [*colgroups, "<thead>", _line(first), _line(second), "</thead>", *body]


def _group(column: PrintedColumn) -> str:
    return column.group or column.heading


def _row(row: PrintedRow, names: Sequence[str]) -> str:
    head, *others = row.labels
    labels = [f'<th scope="row">{escape(head)}</th>', *(f'<td class="label">{escape(label)}</td>' for label in others)]
    texts = [f'<td class="{name}">{_text(row, name)}</td>' for name in names]
    return f'<tr data-cell="{escape(row.cell)}">{"".join([*labels, *texts])}</tr>'


def _grid(printed: PrintedTable, two_way: TwoWay) -> list[str]:
    width = len(two_way.across)
    across = [f'<th scope="col">{escape(label)}</th>' for label in two_way.across]
    first = f'<th scope="col" rowspan="2">{escape(two_way.down_heading)}</th>'
    group = f'<th scope="colgroup" colspan="{width}">{escape(two_way.across_heading)}</th>'
    lines = [
        '<colgroup span="1">',
        f'<colgroup span="{width}">',
        "<thead>",
        _line([first, group]),
        _line(across),
        "</thead>",
    ]
    for heading, names in printed.blocks():
        lines += ["<tbody>", _line([f'<th scope="rowgroup" colspan="{width + 1}">{escape(heading)}</th>'])]
        for label, rows in printed.grid():
            cells = (_grid_cell(row, names) if row else "<td></td>" for row in rows)
            lines.append(_line([f'<th scope="row">{escape(label)}</th>', *cells]))
        lines.append("</tbody>")
    return lines


def _grid_cell(row: PrintedRow, names: Sequence[str]) -> str:
    shown = [name for name in names if name == names[0] or row.texts[name] != NOTHING]
    spans = [f'<span class="{name}">{"p " if name == "p" else ""}{_text(row, name)}</span>' for name in shown]
    return f'<td data-cell="{escape(row.cell)}">{" ".join(spans)}</td>'


def _text(row: PrintedRow, name: str) -> str:
    text = escape(row.texts[name])
    if name != "mean":
        return text
    marks = f"<sup>{row.marks}</sup>" if row.marks else ""
    return f"<strong>{text}</strong>{marks}" if row.is_best else f"{text}{marks}"


def _line(cells: Sequence[str]) -> str:
    return f"<tr>{''.join(cells)}</tr>"
