"""The figures of the histories of the chosen runs: means over the seeds of each cell, and runs by themselves."""

import pandas as pd

from explorer.charts.drawn import Drawn, data_frame
from explorer.history_cache import HistoryCache
from explorer.page_selection import Run, Selection
from ftlab.reporting.figures.gradient_landscape import GradientLandscape, GradientPanel
from ftlab.reporting.figures.run_scores import (
    RunCourse,
    accuracy_courses,
    mean_courses,
    pooled_distributions,
    run_courses,
)
from ftlab.reporting.pages.gradient_chart import gradient_charts
from ftlab.reporting.pages.page_style import SERIES
from ftlab.reporting.pages.run_charts import LineStyle, Styles, courses_chart, distribution_chart
from ftlab.study.recorded_params import recorded_ft_start
from ftlab.tracking.records import HistoryPart

ACCURACY_HEIGHT = 250
MAX_PANELS = 12
COURSE_SERIES = ("epochs", "values", "low", "high")


def color_of(place: int) -> str:
    """Return the colour of a cell or run by its place."""
    return SERIES[place % len(SERIES)]


def draw_accuracy(chosen: Selection, histories: HistoryCache) -> Drawn:
    """Draw the accuracies that were measured while the chosen runs trained."""
    metrics = histories.load(chosen.keys, HistoryPart.METRICS)
    return _draw_courses(chosen, accuracy_courses(metrics, chosen.labels), ACCURACY_HEIGHT)


def draw_courses(chosen: Selection, histories: HistoryCache) -> Drawn:
    """Draw scores, loss and health of the chosen runs over the epochs."""
    metrics = histories.load(chosen.keys, HistoryPart.METRICS)
    return _draw_courses(chosen, run_courses(metrics, chosen.labels))


def draw_distribution(chosen: Selection, histories: HistoryCache) -> Drawn:
    """Draw the distributions of scores of the chosen runs at the epoch of the address, else at the last one."""
    first, last = recorded_span(chosen, histories)
    epoch = shown_epoch(chosen.address.epoch, first, last)
    histograms = histories.load(chosen.keys, HistoryPart.HISTOGRAMS)
    found = pooled_distributions(histograms, chosen.labels, chosen.groups, epoch)
    return Drawn(
        distribution_chart(found, epoch, _styles(chosen)),
        lambda: data_frame(found, "centres", "density").assign(epoch=epoch),
    )


def draw_gradients(chosen: Selection, histories: HistoryCache) -> dict[str, Drawn]:
    """Draw the gradient norms of the chosen cells, which share a scale, by the cells' labels; none without norms."""
    norms = histories.load(chosen.keys, HistoryPart.GRADIENT_NORMS)
    if norms.empty:
        return {}
    found = _landscape(chosen, norms)

    def data() -> pd.DataFrame:
        return norms.assign(run=norms["trial_key"].map(chosen.labels))[["run", "name", "epoch", "value"]]

    return {
        panel.label: Drawn(figure, data) for panel, figure in zip(found.panels, gradient_charts(found), strict=True)
    }


def recorded_span(chosen: Selection, histories: HistoryCache) -> tuple[int, int]:
    """Return the first and the last epoch with a distribution of scores; zeros without one."""
    epochs = histories.load(chosen.keys, HistoryPart.HISTOGRAMS)["epoch"]
    return (0, 0) if epochs.empty else (int(epochs.min()), int(epochs.max()))


def shown_epoch(asked: str, first: int, last: int) -> int:
    """Return the epoch that is shown: the one of an address if it is recorded, else the nearest; empty for the last.

    >>> shown_epoch("", 1, 40), shown_epoch("7", 1, 40), shown_epoch("99", 1, 40)
    (40, 7, 40)
    """
    return min(max(int(asked), first), last) if asked.isdecimal() else last


def _draw_courses(chosen: Selection, courses: tuple[RunCourse, ...], *height: int) -> Drawn:
    means = mean_courses(courses, chosen.groups)
    beside = [course for course in courses if course.run in chosen.groups] if chosen.each else []
    # Thin lines lie below the means.
    shown = [*beside, *means]
    sized = {"panel_height": height[0]} if height else {}
    return Drawn(courses_chart(shown, _styles(chosen), **sized), lambda: data_frame(shown, *COURSE_SERIES))


def _styles(chosen: Selection) -> Styles:
    runs = {run.label: LineStyle(color_of(run.place), thin=run.key not in chosen.address.run) for run in chosen.runs}
    return {**runs, **{cell.label: LineStyle(color_of(cell.place)) for cell in chosen.cells}}


def _landscape(chosen: Selection, norms: pd.DataFrame) -> GradientLandscape:
    recorded, members = set(norms["trial_key"].unique()), dict[str, list[Run]]()
    for run in chosen.runs:
        if run.key in recorded:
            members.setdefault(run.group or run.label, []).append(run)
    layers = tuple(map(str, norms["name"].unique()))
    epochs = tuple(map(int, sorted(norms["epoch"].unique())))
    panels = []
    shown = dict(list(members.items())[:MAX_PANELS])
    # All at once: each takes a while of its own.
    owners = norms["trial_key"].astype(object).map({run.key: label for label, runs in shown.items() for run in runs})
    means = norms.groupby([owners, "name", "epoch"], observed=True)["value"].mean().unstack()
    for label, runs in shown.items():
        rows = pd.DataFrame(means.loc[label]).reindex(index=layers, columns=epochs).to_numpy().tolist()
        start = recorded_ft_start(runs[0].settings)
        panels.append(GradientPanel(label, label, len(runs), start, tuple(map(tuple, rows))))
    return GradientLandscape("", "", layers, epochs, tuple(panels), "")
