"""The report of a table: one file with the table, its figures and the origin of its numbers.

It opens from disk without a network: the script that draws the figures, style and numbers are inside.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from gzip import compress
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

from ftlab.reporting.inference.collapse import FINISHED
from ftlab.reporting.printed.answer import answer
from ftlab.reporting.printed.layout import row_name
from ftlab.reporting.printed.metric_labels import metric_label
from ftlab.reporting.table.ablation import AblationTable, AblationTrial
from ftlab.reporting.table.trial_facts import Fact
from ftlab.reporting.writers.html import table_html

if TYPE_CHECKING:
    import plotly.graph_objects as go

REPORT_FILE = "report.html"
PAGES = Path(__file__).parent


@dataclass(frozen=True)
class ReportChart:
    """A figure of the report.

    Attributes:
        title: Its title.
        caption: The text that explains it.
        panels: Plotly's figures, side by side if the page is wide enough; empty if the caption says why there are none.
    """

    title: str
    caption: str
    panels: tuple["go.Figure", ...]


def report_html(
    table: AblationTable,
    charts: Sequence[ReportChart],
    facts: Sequence[Fact],
    command: str,
    settings: Sequence[Fact] = (),
) -> str:
    """Return the report as a page; the same table, figures and facts give the same bytes.

    Args:
        table: The table.
        charts: Its figures, in the order of the page.
        facts: Facts about the training of its trials.
        command: Command that makes the table anew.
        settings: Settings of its trials.
    """
    # Plotly and Jinja take a quarter of a second to import, and most commands write no report.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from plotly.offline import get_plotlyjs

    from ftlab.reporting.pages.page_style import CONFIG

    environment = Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    figures = [panel.to_json(engine="json") for chart in charts for panel in chart.panels]
    return environment.get_template("report.html").render(
        title=table.title,
        subtitle=" · ".join(text for text in (table.name, table.protocol) if text),
        style=page_style_sheet(),
        # It scrolls where it is wider than the page, by keys too.
        table=table_html(table).replace('class="ablation-table"', 'class="ablation-table" tabindex="0"', 1),
        charts=charts,
        answer=answer(table),
        figures=_packed(f"[{','.join(figures)}]"),
        config=CONFIG,
        plotly=_packed(get_plotlyjs()),
        command=command,
        facts=facts,
        settings=settings,
        seeds=sorted({trial.seed for trial in table.trials}),
        values=_values(table),
        metric=metric_label(table.metric),
        trials=[{**vars(trial), "value": "" if isnan(trial.value) else f"{trial.value:.2f}"} for trial in table.trials],
    )


def _values(table: AblationTable) -> list[tuple[str, dict[int, str]]]:
    """Return the name of each row with the values of its seeds; words stand in place of one that is missing."""
    return [
        (
            row_name(table, row),
            {trial.seed: _value(trial) for trial in table.trials_of(row.cell)},
        )
        for row in table.rows
    ]


def _value(trial: AblationTrial) -> str:
    number = f"{trial.value:.2f}" if trial.has_value else ""
    return " ".join(text for text in (number, "" if trial.status == FINISHED else trial.status) if text)


def _packed(text: str) -> str:
    """Return a text in a third of its size, as the page's script unpacks it; the same text gives the same bytes."""
    return b64encode(compress(text.encode(), 6, mtime=0)).decode()


@cache
def page_style_sheet() -> str:
    """Return the style sheet that all our pages share, light and dark."""
    return (PAGES / "page.css").read_text(encoding="utf-8")
