"""Health marks: warnings about a trial's training, found in its history, for people who browse it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import nan
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ftlab.contrast.score_statistics import (
    COLLAPSED_MARGIN,
    COLLAPSED_STD,
    NEGATIVE_MEAN,
    NEGATIVE_VARIANCE,
    POSITIVE_MEAN,
    PROJECTION_STD,
)

LOSS = "pretrain/loss"
# The metrics that marks are found in.
READ = (POSITIVE_MEAN, NEGATIVE_MEAN, NEGATIVE_VARIANCE, PROJECTION_STD, LOSS)
NEAR_ONE = 0.95
RISE = 1.5
RECENT_EPOCHS = 5


class MarkKind(StrEnum):
    """The kind of a health mark."""

    COLLAPSE = "collapse"
    STALE_QUEUE = "stale queue"
    NEGATIVE_VARIANCE_RISING = "negative variance rising"
    LOSS_NOT_FINITE = "loss not finite"
    POSITIVES_NEAR_ONE = "positives near one"


@dataclass(frozen=True)
class HealthMark:
    """Something in a training that people should look at.

    Attributes:
        kind: Its kind.
        epoch: First epoch of the state that the mark describes; 0 if it follows from the settings alone.
        reason: A sentence with the numbers.
    """

    kind: MarkKind
    epoch: int
    reason: str


class _Series(NamedTuple):
    """A metric over the epochs. Series of pandas would take ten times as long, and a page asks for dozens of trials."""

    epochs: NDArray[np.int32]
    values: NDArray[np.float64]


def health_marks(
    metrics: pd.DataFrame, settings: Mapping[str, str], steps_per_epoch: int | None
) -> tuple[HealthMark, ...]:
    """Return the marks of one trial in its state after the last epoch.

    - collapse: positives exceed negatives by less than `COLLAPSED_MARGIN` on average, or projections, of a method
      without negatives, deviate by less than `COLLAPSED_STD`;
    - stale queue: K exceeds the images of an epoch, so that keys of an older encoder than the last epoch's are in it;
    - negative variance rising: over the last `RECENT_EPOCHS` it grew to `RISE` times the mean of as many before them;
    - loss not finite: in an epoch it was NaN or infinite;
    - positives near one: their mean exceeds `NEAR_ONE`, so that the loss has little left to learn from them.

    Args:
        metrics: ``epoch``, ``name``, ``value`` of one trial, of which those of `READ` count; may be empty.
        settings: Its resolved settings by dotted name as text; a mark whose settings are missing is left out.
        steps_per_epoch: Optimiser steps in an epoch; None where it is not known.
    """
    epochs, names, values = (metrics[column].to_numpy() for column in ("epoch", "name", "value"))
    places = {name: names == name for name in READ}
    series = {name: _Series(epochs[at], values[at]) for name, at in places.items() if at.any()}
    marks = (
        _collapse(series),
        _collapse_without_negatives(series),
        _stale_queue(settings, steps_per_epoch),
        _negative_variance_rising(series),
        _loss_not_finite(series),
        _positives_near_one(series),
    )
    return tuple(mark for mark in marks if mark is not None)


def _collapse(series: Mapping[str, _Series]) -> HealthMark | None:
    positives, negatives = series.get(POSITIVE_MEAN), series.get(NEGATIVE_MEAN)
    if positives is None or negatives is None:
        return None
    epochs, ours, theirs = np.intersect1d(positives.epochs, negatives.epochs, return_indices=True)
    if not epochs.size or epochs[-1] < max(positives.epochs[-1], negatives.epochs[-1]):
        return None
    margin = positives.values[ours] - negatives.values[theirs]
    since = _state_since(epochs, margin < COLLAPSED_MARGIN)
    if since is None:
        return None
    reason = f"Positive scores exceed negative ones by only {margin[-1]:.3f} on average."
    return HealthMark(MarkKind.COLLAPSE, since, reason)


def _collapse_without_negatives(series: Mapping[str, _Series]) -> HealthMark | None:
    deviation = series.get(PROJECTION_STD)
    since = None if deviation is None else _state_since(deviation.epochs, deviation.values < COLLAPSED_STD)
    if deviation is None or since is None:
        return None
    reason = f"Projections deviate by only {deviation.values[-1]:.3f}, where 1 is spread over the sphere."
    return HealthMark(MarkKind.COLLAPSE, since, reason)


def _stale_queue(settings: Mapping[str, str], steps_per_epoch: int | None) -> HealthMark | None:
    if steps_per_epoch is None or not {"method.queue_size", "train.batch_size"} <= settings.keys():
        return None
    queue_size, keys = int(settings["method.queue_size"]), steps_per_epoch * int(settings["train.batch_size"])
    keys *= 2 if settings.get("method.symmetric") == "true" else 1
    if queue_size <= keys:
        return None
    reason = f"The queue holds {queue_size} keys, {queue_size / keys:.1f} epochs of {keys}: the oldest are stale."
    return HealthMark(MarkKind.STALE_QUEUE, 0, reason)


def _negative_variance_rising(series: Mapping[str, _Series]) -> HealthMark | None:
    variance = series.get(NEGATIVE_VARIANCE)
    if variance is None or len(variance.values) < 2 * RECENT_EPOCHS:
        return None
    before, recent = map(_mean_of_known, np.split(variance.values[-2 * RECENT_EPOCHS :], 2))
    if not recent > RISE * before:
        return None
    reason = f"The variance of negative scores rose from {before:.3g} to {recent:.3g} within {RECENT_EPOCHS} epochs."
    return HealthMark(MarkKind.NEGATIVE_VARIANCE_RISING, int(variance.epochs[-RECENT_EPOCHS]), reason)


def _loss_not_finite(series: Mapping[str, _Series]) -> HealthMark | None:
    loss = series.get(LOSS)
    if loss is None:
        return None
    bad = loss.epochs[~np.isfinite(loss.values)]
    if not bad.size:
        return None
    return HealthMark(MarkKind.LOSS_NOT_FINITE, int(bad[0]), f"The loss was not finite in epoch {bad[0]}.")


def _positives_near_one(series: Mapping[str, _Series]) -> HealthMark | None:
    positives = series.get(POSITIVE_MEAN)
    since = None if positives is None else _state_since(positives.epochs, positives.values > NEAR_ONE)
    if positives is None or since is None:
        return None
    reason = f"Positive scores are {positives.values[-1]:.3f} on average: there is little left to pull together."
    return HealthMark(MarkKind.POSITIVES_NEAR_ONE, since, reason)


def _mean_of_known(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else nan


def _state_since(epochs: NDArray[np.int32], holds: NDArray[np.bool_]) -> int | None:
    """Return the first epoch of the state that holds up to the last epoch; None if it does not hold there."""
    if not holds.size or not holds[-1]:
        return None
    others = np.flatnonzero(~holds)
    return int(epochs[others[-1] + 1 if others.size else 0])
