"""A figure on the page with its data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd
import plotly.graph_objects as go


@dataclass(frozen=True)
class Drawn:
    """A figure with its data.

    Attributes:
        figure: The figure.
        data: Returns what it shows, a row a mark; with the labels of the figure.
        note: What a reader must know beside it; usually empty.
    """

    figure: go.Figure
    data: Callable[[], pd.DataFrame]
    note: str = ""


def data_frame(records: Sequence[Any], *series: str) -> pd.DataFrame:
    """Return dataclasses as a frame: a row a record, or a row a value of its series.

    Args:
        records: Dataclasses of one type.
        *series: Names of the fields that hold a value a row; one that is empty in a record has no value there.
    """
    if not records:
        return pd.DataFrame()
    names = [field.name for field in fields(records[0])]
    rows = []
    for record in records:
        row = {name: getattr(record, name) for name in names}
        length = max((len(row[name]) for name in series), default=0)
        rows.append({**row, **{name: row[name] or (None,) * length for name in series}})
    frame = pd.DataFrame(rows)
    return frame.explode(list(series), ignore_index=True) if series else frame
