"""The course of runs over the epochs, one by one or as means, and the distribution of their scores at one epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ftlab.contrast.score_statistics import AFTER_FT, PROJECTION_STD
from ftlab.reporting.figures.histories import SCORE_LABELS
from ftlab.reporting.figures.score_bins import common_edges, counts_between
from ftlab.reporting.printed.metric_labels import METRIC_LABELS

LOSS = "pretrain/loss"
# Measured at each kNN probe, see `ftlab.training.evaluation.health`.
HEALTH_LABELS = {
    "health/backbone_rankme": "RankMe of the backbone",
    "health/embedding_rankme": "RankMe of the embedding",
    "health/alignment": "alignment",
    "health/uniformity": "uniformity",
    "health/feature_std": "deviation of embeddings",
}
COURSE_LABELS = {**SCORE_LABELS, LOSS: "loss", PROJECTION_STD: "deviation of projections", **HEALTH_LABELS}


@dataclass(frozen=True)
class RunCourse:
    """The course of a statistic over the epochs: of one run, or the mean of several.

    Attributes:
        run: Label of the run, or of the group of runs.
        statistic: Name of the statistic, one of `COURSE_LABELS` or `METRIC_LABELS`, without the ending of FT.
        transformed: Whether the scores are those after FT.
        epochs: Epochs with a value, from 1.
        values: One value an epoch.
        low: Smallest value of a run in each epoch; empty for one run.
        high: Largest value of a run in each epoch; empty for one run.
    """

    run: str
    statistic: str
    transformed: bool
    epochs: tuple[int, ...]
    values: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True)
class ScoreDistribution:
    """The distribution of the scores at an epoch: of one run, or of several together.

    Attributes:
        run: Label of the run, or of the group of runs.
        sign: ``positive`` or ``negative``.
        transformed: Whether the scores are those after FT.
        centres: Middle of each bin.
        density: Share of the scores per unit of score in each bin, so that the area is 1.
    """

    run: str
    sign: str
    transformed: bool
    centres: tuple[float, ...]
    density: tuple[float, ...]


class Bins(NamedTuple):
    """The counts of equally wide bins between two edges."""

    counts: list[float]
    low: float
    high: float


def run_courses(metrics: pd.DataFrame, labels: Mapping[str, str]) -> tuple[RunCourse, ...]:
    """Return the courses of the scores, of the loss and of the health of representations.

    Scores that FT did not change are left out: a run without FT has the same scores before and after.

    Args:
        metrics: ``trial_key``, ``epoch``, ``name``, ``value``.
        labels: Label of each run by its trial key, in the order of the figure.
    """
    series = _series(metrics, [name + ending for name in COURSE_LABELS for ending in ("", AFTER_FT)])
    courses = []
    for key, label in labels.items():
        for statistic in COURSE_LABELS:
            before, after = series.get((key, statistic)), series.get((key, statistic + AFTER_FT))
            if before is not None:
                courses.append(RunCourse(label, statistic, False, *before))
                if after is not None and before[1] != after[1]:
                    courses.append(RunCourse(label, statistic, True, *after))
    return tuple(courses)


def accuracy_courses(metrics: pd.DataFrame, labels: Mapping[str, str]) -> tuple[RunCourse, ...]:
    """Return the courses of the accuracies that were measured while the runs trained.

    An accuracy that is measured after the last epoch alone has no course, and is left out.

    Args:
        metrics: ``trial_key``, ``epoch``, ``name``, ``value``.
        labels: Label of each run by its trial key, in the order of the figure.
    """
    series = _series(metrics, list(METRIC_LABELS))
    courses = [
        RunCourse(label, name, False, *series[key, name])
        for key, label in labels.items()
        for name in METRIC_LABELS
        if (key, name) in series
    ]
    long = {course.statistic for course in courses if len(course.epochs) > 1}
    return tuple(course for course in courses if course.statistic in long)


def mean_courses(courses: Sequence[RunCourse], groups: Mapping[str, str]) -> tuple[RunCourse, ...]:
    """Return the mean course of each group of runs, over the epochs in which all of its runs have a value.

    Args:
        courses: Courses of single runs.
        groups: Label of the group of each run, by the run's label; a run without one stays as it is.
    """
    members: dict[tuple[str, str, bool], list[RunCourse]] = {}
    for course in courses:
        group = groups.get(course.run, course.run)
        members.setdefault((group, course.statistic, course.transformed), []).append(course)
    return tuple(_mean_course(group, found) for (group, *_), found in members.items())


def recorded_epochs(metrics: pd.DataFrame) -> dict[str, int]:
    """Return the last epoch of each trial that has one."""
    last = metrics.groupby("trial_key", observed=True)["epoch"].max()
    return {str(key): int(epoch) for key, epoch in last.items()}


def score_distributions_at(
    histograms: pd.DataFrame, labels: Mapping[str, str], epoch: int
) -> tuple[ScoreDistribution, ...]:
    """Return the distributions at an epoch; a run without a histogram there, or with an empty one, is left out.

    Args:
        histograms: ``trial_key``, ``epoch``, ``name``, ``counts``, ``low``, ``high``.
        labels: Label of each run by its trial key, in the order of the figure.
        epoch: The epoch, from 1.
    """
    rows = histograms[histograms["epoch"] == epoch]
    recorded = rows[["trial_key", "name", "counts", "low", "high"]].itertuples(index=False)
    kept = {(key, name): Bins(list(counts), low, high) for key, name, counts, low, high in recorded}
    found = []
    for key, label in labels.items():
        for sign in ("positive", "negative"):
            before, after = (kept.get((key, f"scores/{sign}{ending}")) for ending in ("", AFTER_FT))
            if before is not None and any(before.counts):
                found.append(_distribution(label, sign, False, before))
            if before is not None and after is not None and any(after.counts) and before != after:
                found.append(_distribution(label, sign, True, after))
    return tuple(found)


def pooled_distributions(
    histograms: pd.DataFrame, labels: Mapping[str, str], groups: Mapping[str, str], epoch: int
) -> tuple[ScoreDistribution, ...]:
    """Return the distributions of groups of runs at an epoch, the scores of a group's runs all together.

    Args:
        histograms: ``trial_key``, ``epoch``, ``name``, ``counts``, ``low``, ``high``.
        labels: Label of each run by its trial key, in the order of the figure.
        groups: Label of the group of each run, by the run's label; a run without one stays by itself.
        epoch: The epoch, from 1.
    """
    rows = histograms[(histograms["epoch"] == epoch) & histograms["trial_key"].isin(list(labels))]
    rows = rows.astype({"trial_key": str, "name": str})
    group_of = {key: groups.get(label, label) for key, label in labels.items()}
    pooled = [
        (group, name, epoch, *_pool(found))
        for (group, name), found in rows.groupby([rows["trial_key"].map(group_of), "name"], observed=True)
    ]
    frame = pd.DataFrame(pooled, columns=["trial_key", "name", "epoch", "counts", "low", "high"])
    return score_distributions_at(frame, {group: group for group in group_of.values()}, epoch)


def _pool(histograms: pd.DataFrame) -> Bins:
    edges = common_edges(histograms)
    counts = counts_between(histograms, edges).sum(axis=0)
    return Bins(counts.tolist(), float(edges[0]), float(edges[-1]))


def _mean_course(group: str, courses: Sequence[RunCourse]) -> RunCourse:
    first = courses[0]
    if len(courses) == 1:
        return replace(first, run=group)
    shared = sorted(set.intersection(*(set(course.epochs) for course in courses)))
    each = [dict(zip(course.epochs, course.values, strict=True)) for course in courses]
    values = np.array([[course[epoch] for epoch in shared] for course in each])
    mean, low, high = (
        tuple(map(float, series)) for series in (values.mean(axis=0), values.min(axis=0), values.max(axis=0))
    )
    return RunCourse(group, first.statistic, first.transformed, tuple(shared), mean, low, high)


def _series(
    metrics: pd.DataFrame, names: Sequence[str]
) -> dict[tuple[str, str], tuple[tuple[int, ...], tuple[float, ...]]]:
    """Return epochs and values of some metrics in the order of the epochs, by trial key and name."""
    known = metrics[metrics["name"].isin(names)].sort_values("epoch", kind="stable")
    epochs, values = known["epoch"].to_numpy(), known["value"].to_numpy(dtype=float)
    # A frame for each would take most of a second for 40 runs.
    places: Mapping[Any, Any] = known.groupby(["trial_key", "name"], observed=True).indices
    return {group: (tuple(epochs[at].tolist()), tuple(values[at].tolist())) for group, at in places.items()}


def _distribution(label: str, sign: str, transformed: bool, bins: Bins) -> ScoreDistribution:
    edges = np.linspace(bins.low, bins.high, len(bins.counts) + 1)
    density = np.asarray(bins.counts, dtype=float) / (sum(bins.counts) * np.diff(edges))
    centres = np.round((edges[:-1] + edges[1:]) / 2, 6)
    return ScoreDistribution(label, sign, transformed, tuple(centres.tolist()), tuple(density.tolist()))
