"""The course of single runs over the epochs, and the distribution of their scores at one epoch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from ftlab.contrast.score_statistics import AFTER_FT, PROJECTION_STD
from ftlab.reporting.figures.histories import SCORE_LABELS

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
    """The course of a statistic of one run over its epochs.

    Attributes:
        run: Label of the run.
        statistic: Name of the statistic, one of `COURSE_LABELS`, without the ending of FT.
        transformed: Whether the scores are those after FT.
        epochs: Epochs with a value, from 1.
        values: One value an epoch.
    """

    run: str
    statistic: str
    transformed: bool
    epochs: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class ScoreDistribution:
    """The distribution of the scores of one run at an epoch.

    Attributes:
        run: Label of the run.
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

    counts: list[int]
    low: float
    high: float


def run_courses(metrics: pd.DataFrame, labels: Mapping[str, str]) -> tuple[RunCourse, ...]:
    """Return the courses of the scores, of the loss and of the health of representations.

    Scores that FT did not change are left out: a run without FT has the same scores before and after.

    Args:
        metrics: ``trial_key``, ``epoch``, ``name``, ``value``.
        labels: Label of each run by its trial key, in the order of the figure.
    """
    grouped = metrics.groupby(["trial_key", "name"], observed=True)
    groups = {group: rows.sort_values("epoch") for group, rows in grouped}
    courses = []
    for key, label in labels.items():
        for statistic in COURSE_LABELS:
            before, after = groups.get((key, statistic)), groups.get((key, statistic + AFTER_FT))
            courses += [_course(label, statistic, False, before)] if before is not None else []
            if before is not None and after is not None and not np.array_equal(before["value"], after["value"]):
                courses.append(_course(label, statistic, True, after))
    return tuple(courses)


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


def _course(label: str, statistic: str, transformed: bool, rows: pd.DataFrame) -> RunCourse:
    return RunCourse(label, statistic, transformed, tuple(map(int, rows["epoch"])), tuple(map(float, rows["value"])))


def _distribution(label: str, sign: str, transformed: bool, bins: Bins) -> ScoreDistribution:
    edges = np.linspace(bins.low, bins.high, len(bins.counts) + 1)
    density = np.asarray(bins.counts, dtype=float) / (sum(bins.counts) * np.diff(edges))
    centres = np.round((edges[:-1] + edges[1:]) / 2, 6)
    return ScoreDistribution(label, sign, transformed, tuple(centres.tolist()), tuple(density.tolist()))
