"""What is asked of the table of a study."""

from dataclasses import dataclass

from ftlab.reporting.statistics import Interval
from ftlab.tuning.seeding.auto import AutoSeeds


@dataclass(frozen=True)
class TableOptions:
    """Which trials a table counts, and how its intervals are made.

    Attributes:
        all_seeds: Whether every recorded seed of a cell counts, or only the study's; of no effect with ``auto``.
        auto: The rule that gives the seeds and its bound; None where every cell has the same.
        interval: How the intervals of means and of differences are made.
    """

    all_seeds: bool
    auto: AutoSeeds | None = None
    interval: Interval = "t"
