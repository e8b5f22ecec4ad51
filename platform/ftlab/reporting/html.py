"""The table in HTML."""

from html import escape

from ftlab.reporting.ablation import AblationTable
from ftlab.reporting.layout import print_table


def table_html(table: AblationTable) -> str:
    """Return the table in HTML."""
    printed = print_table(table)
    headings = [*printed.label_headings, "n", printed.metric, "95% interval", *(["paper"] if printed.published else [])]
    rows = ([*row.labels, row.n, row.mean, row.interval, row.published][: len(headings)] for row in printed.rows)
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
