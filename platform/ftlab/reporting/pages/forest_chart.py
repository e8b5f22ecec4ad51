"""The differences of cells to a baseline for a page: a forest plot with their simultaneous intervals."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan

import plotly.graph_objects as go

from ftlab.reporting.pages.page_style import QUIET, page_figure, say_empty
from ftlab.reporting.printed.layout import p_text
from ftlab.reporting.printed.metric_labels import metric_name
from ftlab.reporting.table.ablation import AblationRow, AblationTable

FRAME_HEIGHT, ROW_HEIGHT = 112, 36
# In letters, so that they fit on a phone.
LABEL_WIDTH, TITLE_WIDTH = 20, 30
NO_DIFFERENCE = {
    "type": "line",
    "x0": 0,
    "x1": 0,
    "y0": 0,
    "y1": 1,
    "yref": "y domain",
    "line": {"color": QUIET, "width": 1},
}


@dataclass(frozen=True)
class ForestLine:
    """A line of the plot; differences in the unit of the metric, NaN where there are none.

    Attributes:
        label: Label of the cell.
        difference: Mean difference to the baseline.
        low: Lower end of its interval.
        high: Upper end.
        n: Number of pairs of seeds.
        p: The p of the table; NaN for a screen, and until the row is complete.
        note: Words beside the line: the outcome, or what keeps it from being judged.
        is_baseline: Whether it is the baseline itself.
    """

    label: str
    difference: float
    low: float
    high: float
    n: int
    p: float
    note: str
    is_baseline: bool = False


def forest_lines(table: AblationTable, labels: Mapping[str, str]) -> tuple[ForestLine, ...]:
    """Return the lines of some cells of a table, each as the table judges it.

    Args:
        table: The table.
        labels: Label of each cell by its name, in the order of the lines.
    """
    rows = {row.cell: row for row in table.rows}
    return tuple(_line(rows[cell], label) for cell, label in labels.items() if cell in rows)


def forest_chart(lines: Sequence[ForestLine], metric: str, colors: Mapping[str, str]) -> go.Figure:
    """Draw the plot: a cell a line, its difference with its interval, and what the table says of it.

    Args:
        lines: The lines.
        metric: Metric of the table.
        colors: Colour of those that stand out by their label.
    """
    if all(isnan(line.difference) for line in lines):
        return say_empty(page_figure(FRAME_HEIGHT + ROW_HEIGHT), "no two seeds to compare yet")
    words = [
        {
            "text": _words(line),
            "x": 1,
            "xref": "paper",
            "xanchor": "right",
            "y": place,
            "yanchor": "bottom",
            "showarrow": False,
            "font": {"size": 11, "color": QUIET},
        }
        for place, line in enumerate(lines)
    ]
    drawn = page_figure(
        FRAME_HEIGHT + ROW_HEIGHT * len(lines),
        annotations=words,
        shapes=[NO_DIFFERENCE],
        showlegend=False,
        xaxis={"title": {"text": _wrapped(f"difference in {metric_name(metric)} (points)", TITLE_WIDTH)}},
        yaxis={
            "tickvals": list(range(len(lines))),
            "ticktext": [_wrapped(line.label, LABEL_WIDTH) for line in lines],
            "range": [len(lines) - 0.4, -0.6],
            "showgrid": False,
        },
    )
    return drawn.add_traces(
        [
            _mark(line, place, colors.get(line.label, QUIET))
            for place, line in enumerate(lines)
            if not isnan(line.difference)
        ]
    )


def _wrapped(text: str, width: int) -> str:
    return "<br>".join(textwrap.wrap(text, width))


def _line(row: AblationRow, label: str) -> ForestLine:
    if row.comparison is None:
        is_baseline = row.cell == row.baseline
        return ForestLine(label, 0.0 if is_baseline else nan, nan, nan, row.summary.n, nan, "baseline", is_baseline)
    found, complete = row.comparison.difference, not row.n_missing
    note = (row.outcome or "not told apart") if complete and not row.comparison.is_screen else "screen"
    p = row.comparison.p if complete else nan
    return ForestLine(label, found.mean, found.ci_low, found.ci_high, found.n, p, note if complete else "provisional")


def _mark(line: ForestLine, place: int, color: str) -> go.Scatter:
    ends = (
        {} if isnan(line.low) else {"array": [line.high - line.difference], "arrayminus": [line.difference - line.low]}
    )
    judged = not isnan(line.p)
    return go.Scatter(
        x=[line.difference],
        y=[place],
        name=line.label,
        mode="markers",
        marker={
            "color": color,
            "size": 10,
            "symbol": "diamond-open" if line.is_baseline else "circle" if judged else "circle-open",
        },
        error_x={"type": "data", "symmetric": False, **ends, "thickness": 1.6, "width": 5, "color": color},
    )


def _words(line: ForestLine) -> str:
    if line.is_baseline:
        return line.note
    p = "" if isnan(line.p) else f", p {p_text(line.p)}".replace("<", "&lt;")
    return f"{line.note}{p}, n = {line.n}"
