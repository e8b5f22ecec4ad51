"""The floors below the rows of a table: accuracies that no training reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ftlab.reporting.inference.paired_t import scale_of
from ftlab.reporting.table.statistics import Summary, summarise


@dataclass(frozen=True)
class FloorValues:
    """A floor; it is no trial, takes part in no comparison and is never the best row.

    Attributes:
        name: Its name, e.g. ``raw pixels``.
        values: Values by metric, one a seed.
    """

    name: str
    values: Mapping[str, tuple[float, ...]]

    def summary(self, metric: str) -> Summary:
        """Return the statistics of a metric; those of no value if it lacks the metric."""
        return summarise(self.values.get(metric, ()), "t", scale_of(metric))


def floor_note(floors: Sequence[FloorValues], metric: str) -> str:
    """Return the means of floors in a sentence; empty without any."""
    parts = [f"{floor.name} {floor.summary(metric).mean:.1f}" for floor in floors if floor.values.get(metric)]
    return f"Without training: {', '.join(parts)}." if parts else ""
