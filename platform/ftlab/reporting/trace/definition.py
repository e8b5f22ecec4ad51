"""What a table is computed from beside its trials."""

from dataclasses import dataclass

import pandas as pd

from ftlab.reporting.ablation import AblationTable, Cell, Seeding, ablate
from ftlab.reporting.published import PublishedSeries
from ftlab.reporting.statistics import Interval


@dataclass(frozen=True)
class TableDefinition:
    """Everything that decides a table but its trials; see `ftlab.reporting.ablation.ablate`.

    Attributes:
        name: Short name of the table.
        cells: The rows that the table asks for.
        metric: Metric of the table, an accuracy in percent.
        title: What the table answers.
        baseline: Name of the cell that others are compared with.
        protocol: How the numbers were measured.
        published: Series whose values stand beside ours.
        seeding: How seeds were given to cells, where a rule gave them.
        interval: How the intervals of means and of differences are made.
    """

    name: str
    cells: tuple[Cell, ...]
    metric: str
    title: str
    baseline: str | None
    protocol: str
    published: PublishedSeries | None
    seeding: Seeding | None
    interval: Interval = "t"

    def tabulate(self, recorded: pd.DataFrame) -> AblationTable:
        """Compute the table from what is recorded.

        Args:
            recorded: One row a trial as ``Tracker.load_trials`` returns them; may hold other trials.

        Raises:
            ConfigError: The definition contradicts itself, or finished trials lack the metric.
        """
        return ablate(
            self.name,
            self.cells,
            recorded,
            metric=self.metric,
            title=self.title,
            baseline=self.baseline,
            protocol=self.protocol,
            published=self.published,
            seeding=self.seeding,
            interval=self.interval,
        )
