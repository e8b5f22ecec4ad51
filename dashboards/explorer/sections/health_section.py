"""The health marks of the chosen runs."""

from collections.abc import Sequence

import pandas as pd
from dash import html
from dash.development.base_component import Component

from explorer.page_selection import Run
from ftlab.reporting.figures.health_marks import READ, HealthMark, health_marks

MAX_NAMED = 6


def health_list(runs: Sequence[Run], metrics: pd.DataFrame, steps: pd.DataFrame) -> list[Component]:
    """Return an item per kind of mark, with the runs that have it and the reason of the first.

    Args:
        runs: The chosen runs.
        metrics: Their metrics by epoch.
        steps: The steps of one of them, which tell how long an epoch is; may be empty.
    """
    pace = None if steps.empty else int((steps["step"] / steps["epoch"]).max())
    recorded = set(metrics["trial_key"].unique())
    # As objects once, in place of once a run.
    read = metrics[metrics["name"].isin(READ)].astype({"name": object})
    by_run = {key: read.iloc[places] for key, places in read.groupby("trial_key", observed=True).indices.items()}
    marks: dict[str, list[tuple[str, HealthMark]]] = {}
    for run in runs:
        if run.key in recorded:
            for mark in health_marks(by_run.get(run.key, metrics[:0]), run.settings, pace):
                marks.setdefault(mark.kind, []).append((run.label, mark))
    return [_item(kind, found, len(runs)) for kind, found in marks.items()]


def _item(kind: str, found: list[tuple[str, HealthMark]], num_runs: int) -> Component:
    names = ", ".join(label for label, _ in found[:MAX_NAMED]) + (", ..." if len(found) > MAX_NAMED else "")
    who = "every run" if len(found) == num_runs > 1 else f"{len(found)} of {num_runs} runs ({names})"
    _, first = found[0]
    since = f" Since epoch {first.epoch}." if first.epoch else ""
    return html.Li([html.Strong(kind), f" in {who}. {first.reason}{since}"])
