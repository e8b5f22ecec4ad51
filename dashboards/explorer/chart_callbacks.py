"""The figures of the chosen runs."""

from typing import Any

import pandas as pd
from dash import Dash, Input, Output, State

from explorer.history_cache import MAX_SHOWN, HistoryCache
from explorer.record_store import RecordStore
from ftlab.reporting.pages.run_charts import courses_chart, distribution_chart
from ftlab.reporting.run_scores import histogram_epochs, run_courses, score_distributions


def answer_charts(app: Dash, store: RecordStore, histories: HistoryCache) -> None:
    """Register the callbacks of the figures."""

    @app.callback(
        Output("courses", "figure"),
        Output("epoch", "min"),
        Output("epoch", "max"),
        Output("epoch", "value"),
        Output("distribution-part", "hidden"),
        Input("runs", "value"),
        Input("overlay", "value"),
        Input("version", "data"),
        State("epoch", "value"),
        State("epoch", "max"),
    )
    def show_courses(
        ticked: list[str] | None, overlaid: list[str] | None, _: int | None, epoch: int, last: int
    ) -> tuple[Any, ...]:
        labels = run_labels(store.snapshot().trials, [*(ticked or []), *(overlaid or [])])
        history = histories.load(list(labels))
        figure = courses_chart(run_courses(history, labels)).update_layout(uirevision="courses")
        epochs = histogram_epochs(history) or (1,)
        # The slider stays where it is; one at the end follows a run that goes on.
        place = epochs[-1] if epoch >= last else min(max(epoch, epochs[0]), epochs[-1])
        return figure, epochs[0], epochs[-1], place, epochs == (1,)

    @app.callback(
        Output("distribution", "figure"),
        Input("epoch", "value"),
        Input("runs", "value"),
        Input("overlay", "value"),
        Input("version", "data"),
    )
    def show_distribution(epoch: int, ticked: list[str] | None, overlaid: list[str] | None, _: int | None) -> Any:
        labels = run_labels(store.snapshot().trials, [*(ticked or []), *(overlaid or [])])
        distributions = score_distributions(histories.load(list(labels)), labels, epoch)
        return distribution_chart(distributions, epoch).update_layout(uirevision="distribution")


def run_labels(trials: pd.DataFrame, keys: list[str]) -> dict[str, str]:
    """Return a label of each run, as short as tells the runs apart."""
    chosen = trials[trials["trial_key"].isin(keys)].set_index("trial_key")
    keys = [key for key in dict.fromkeys(keys) if key in chosen.index][:MAX_SHOWN]
    chosen = chosen.loc[keys]
    one_cell, one_study = chosen["cell_key"].nunique() <= 1, chosen["study"].nunique() <= 1
    labels = {}
    for key, seed, name, study in zip(keys, chosen["seed"], chosen["name"], chosen["study"], strict=True):
        labels[key] = f"seed {seed}" if one_cell else name if one_study else f"{study}: {name}"
    return labels
