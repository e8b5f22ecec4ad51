"""The rows of a table among which the best is: Gupta's subset selection."""

from collections.abc import Mapping, Sequence
from math import fsum, sqrt

from ftlab.reporting.inference.paired_t import ERROR_RATE, MIN_PAIRS, Scale, half_width


def best_subset(rows: Sequence[Mapping[int, float] | None], scale: Scale) -> list[bool]:
    """Return which rows no other row beats; with a probability of at least 95% the truly best one is among them.

    A row beats another by a one-sided paired t test at the level 0.05 / (k - 1), k being the number of rows that take
    part (Gupta 1965, doi:10.1080/00401706.1965.10490251). Two rows with fewer than four common seeds beat neither.

    Args:
        rows: Value by seed of each row; None for a row that does not take part. A single row is beaten by none, and
            says nothing: it is not chosen.
        scale: Scale of the values.
    """
    taking_part = [row for row in rows if row is not None]
    if len(taking_part) < 2:
        return [False] * len(rows)
    error = ERROR_RATE / (len(taking_part) - 1)
    return [
        row is not None and not any(_beats(other, row, scale, error) for other in taking_part if other is not row)
        for row in rows
    ]


def _beats(other: Mapping[int, float], row: Mapping[int, float], scale: Scale, error: float) -> bool:
    differences = [other[seed] - row[seed] for seed in sorted(other.keys() & row.keys())]
    n = len(differences)
    mean = fsum(differences) / n if n else 0.0
    if n < MIN_PAIRS or mean <= 0.0:
        return False
    std = sqrt(fsum((difference - mean) ** 2 for difference in differences) / (n - 1))
    # Half of a two-sided error lies on one side.
    return mean > half_width(n, scale.deviation(std), min(2 * error, 1.0))
