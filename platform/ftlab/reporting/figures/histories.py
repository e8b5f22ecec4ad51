"""The histories that a table's trials recorded while they trained, and the reason why a figure of them is missing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from ftlab.contrast.score_statistics import AFTER_FT, BEFORE_FT

SCORE_LABELS = {statistic.name: statistic.label for statistic in BEFORE_FT if statistic.is_reported}
SCORES = tuple(SCORE_LABELS)
SEEN_SCORES = tuple(name + AFTER_FT for name in SCORES)


@dataclass(frozen=True)
class LeftOut:
    """The reason why there is no figure.

    Attributes:
        reason: The reason, in words.
        keeps_files: Whether files of the figure that were written before stay, because it may only be unreadable now.
    """

    reason: str
    keeps_files: bool = False


@dataclass(frozen=True)
class Histories:
    """The histories of trials as DataFrames in long form, with the columns of ``Tracker.load_histories``.

    Attributes:
        metrics: ``trial_key``, ``epoch``, ``name``, ``value``: means over each epoch's steps.
        steps: ``trial_key``, ``epoch``, ``step``, ``name``, ``value``: scores at single steps, unsmoothed.
        gradient_norms: ``trial_key``, ``epoch``, ``name``, ``value``: L2 norms by layer, from the images upwards.
        histograms: ``trial_key``, ``epoch``, ``name``, ``counts``, ``low``, ``high``: scores per bin between two edges.
        ft_starts: Number of epochs before FT begins, by trial key; NaN if it never does, or if that is not known.
        unreadable: Keys of trials whose histories were recorded, but cannot be read now.
    """

    metrics: pd.DataFrame
    steps: pd.DataFrame
    gradient_norms: pd.DataFrame
    histograms: pd.DataFrame
    ft_starts: Mapping[str, float]
    unreadable: frozenset[str] = frozenset()

    def steps_per_epoch(self, trial_keys: Collection[str]) -> int | None:
        """Return the number of optimiser steps in an epoch of trials; None if no steps were recorded."""
        steps = self.steps[self.steps["trial_key"].isin(trial_keys)]
        return None if steps.empty else int((steps["step"] / steps["epoch"]).max())


def score_quantity(*, transformed: bool) -> str:
    """Return the quantity of an axis of scores, in words: after FT, whose vectors have no unit length, no cosine.

    Args:
        transformed: Whether scores after FT are on the axis.
    """
    return "score" if transformed else "score (cosine)"


def score_label(name: str) -> str:
    """Return a score statistic in words, with or without FT.

    >>> score_label("scores/negative_mean_transformed")
    'mean of negatives'
    """
    plain = name.removesuffix(AFTER_FT)
    return SCORE_LABELS.get(plain, plain)
