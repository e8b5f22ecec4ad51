"""The statistics of single steps that an epoch keeps: few enough for a journal, dense enough for a curve."""

from collections.abc import Sequence

from torch import Tensor

MAX_STEPS = 20


def step_series(statistics: Tensor, names: Sequence[str], steps_before: int) -> dict[str, list[float]]:
    """Return statistics of evenly spaced steps of an epoch, its last one among them, unsmoothed.

    Args:
        statistics: (steps, M) statistics of each step of the epoch.
        names: Names of the M statistics.
        steps_before: Optimiser steps before the epoch.

    Returns:
        Series of min(steps, `MAX_STEPS`) numbers: ``step``, the optimiser steps so far, and each statistic, rounded to
        six significant digits.
    """
    num_steps = len(statistics)
    num_kept = min(num_steps, MAX_STEPS)
    kept = [(rank + 1) * num_steps // num_kept - 1 for rank in range(num_kept)]
    columns = statistics[kept].T.tolist()
    series = {name: [float(f"{value:.6g}") for value in column] for name, column in zip(names, columns, strict=True)}
    return {"step": [steps_before + step + 1 for step in kept], **series}
