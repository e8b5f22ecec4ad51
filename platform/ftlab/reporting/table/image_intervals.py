"""Intervals over seeds and test images, for the rows of a table whose trials recorded which images were right."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ftlab.reporting.inference.paired_t import Scale
from ftlab.reporting.inference.two_way_effects import SampledInterval, seeds_and_images
from ftlab.reporting.table.cell_trials import AblationTrial
from ftlab.training.evaluation.right_images import share_right

Shares = Mapping[int, NDArray[np.float64]]


@dataclass(frozen=True)
class ImageIntervals:
    """Intervals over both sources of a row.

    Attributes:
        mean: That of the mean over healthy seeds.
        difference: That of the mean difference to the baseline.
    """

    mean: SampledInterval = field(default_factory=SampledInterval)
    difference: SampledInterval = field(default_factory=SampledInterval)


def image_intervals(
    trials: Mapping[str, Sequence[AblationTrial]], baselines: Mapping[str, str | None], scale: Scale
) -> dict[str, ImageIntervals]:
    """Return the intervals of each cell; they are undefined where fewer than two seeds recorded their images.

    Args:
        trials: Trials of each cell that ended, by its name.
        baselines: Name of the baseline of each cell.
        scale: Scale of the values, in percent.
    """
    shares = {cell: _shares(found) for cell, found in trials.items()}
    return {
        cell: ImageIntervals(
            _interval(own, scale),
            _interval(_differences(own, shares.get(baselines[cell] or "", {})), scale.differences())
            if baselines[cell] != cell
            else SampledInterval(),
        )
        for cell, own in shares.items()
    }


def _shares(trials: Sequence[AblationTrial]) -> Shares:
    """Return the (M,) shares of draws in which each test image was right, in percent, of the healthy seeds."""
    found = {}
    for trial in trials:
        if trial.counts and trial.right:
            with suppress(ValueError):  # a damaged record has no such interval
                found[trial.seed] = 100.0 * share_right(trial.right)
    return found


def _differences(row: Shares, baseline: Shares) -> Shares:
    common = (seed for seed in row if seed in baseline and row[seed].shape == baseline[seed].shape)
    return {seed: row[seed] - baseline[seed] for seed in common}


def _interval(shares: Shares, scale: Scale) -> SampledInterval:
    if len({values.shape for values in shares.values()}) != 1:
        return SampledInterval()
    return seeds_and_images(np.array(list(shares.values())), scale)
