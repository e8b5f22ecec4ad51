"""The statistics of single steps that an epoch keeps: few enough for a journal, dense enough for a curve."""

from collections.abc import Sequence

from torch import Tensor

# Scores change fastest at the beginning, where the paper's figures show every step.
MAX_FIRST_STEPS = 2000
MAX_STEPS = 20


def step_series(statistics: Tensor, names: Sequence[str], steps_before: int) -> dict[str, list[float]]:
    """Return statistics of steps of an epoch, unsmoothed: all of a short one, else evenly spaced ones.

    Args:
        statistics: (steps, M) statistics of each step of the epoch.
        names: Names of the M statistics.
        steps_before: Optimiser steps before the epoch.

    Returns:
        Series of at most `MAX_STEPS` numbers, of the first epoch `MAX_FIRST_STEPS`: ``step``, the optimiser steps so
        far, and each statistic, rounded to six significant digits. The last step is among them, and the very first.
    """
    kept = _first_steps(len(statistics)) if steps_before == 0 else _later_steps(len(statistics))
    columns = statistics[kept].T.tolist()
    series = {name: [float(f"{value:.6g}") for value in column] for name, column in zip(names, columns, strict=True)}
    return {"step": [steps_before + step + 1 for step in kept], **series}


def _first_steps(num_steps: int) -> list[int]:
    num_kept = min(num_steps, MAX_FIRST_STEPS)
    return [rank * (num_steps - 1) // max(num_kept - 1, 1) for rank in range(num_kept)]


def _later_steps(num_steps: int) -> list[int]:
    num_kept = min(num_steps, MAX_STEPS)
    return [(rank + 1) * num_steps // num_kept - 1 for rank in range(num_kept)]
