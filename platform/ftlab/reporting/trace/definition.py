"""The definition of a table: everything that it is computed from beside its trials."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from ftlab.reporting.table.ablation import AblationTable, Cell, Seeding, ablate
from ftlab.reporting.table.baselines import Baseline
from ftlab.reporting.table.cell_trials import final_rows
from ftlab.reporting.table.floor_values import FloorValues
from ftlab.reporting.table.published import PublishedSeries
from ftlab.reporting.table.statistics import Interval
from ftlab.reporting.writers.tex_style import TexStyle


@dataclass(frozen=True)
class TableDefinition:
    """Everything that decides a table except its trials; see `ftlab.reporting.table.ablation.ablate`.

    Attributes:
        name: Short name of the table.
        cells: The rows that the table asks for.
        metric: Metric of the table, an accuracy in percent.
        title: Question that the table answers.
        baseline: Name of the cell that others are compared with, or one for each group.
        protocol: Protocol of the measurements, in words.
        published: Series whose values stand beside ours.
        seeding: The rule that gave seeds to cells, if there was one, and its reasons.
        interval: Kind of the intervals of means.
        other_metrics: Further metrics whose means are shown.
        floors: Accuracies that no training reached.
        judged: How each metric is measured, in words, by its name.
        judged_on: Images that take the place of the test images, in words; empty where those are judged on.
        caption: Statement that stands above the table in print; empty takes the question.
        tex_style: Style of ``table.tex``; a definition from before there were several has that of then.
    """

    name: str
    cells: tuple[Cell, ...]
    metric: str
    title: str
    baseline: Baseline
    protocol: str
    published: PublishedSeries | None
    seeding: Seeding | None
    interval: Interval = "t"
    other_metrics: tuple[str, ...] = ()
    floors: tuple[FloorValues, ...] = ()
    judged: Mapping[str, str] = field(default_factory=dict)
    judged_on: str = ""
    caption: str = ""
    tex_style: TexStyle = "full"

    def wanted(self, recorded: pd.DataFrame) -> list[str]:
        """Return the keys of the recorded trials that stand in the table.

        Args:
            recorded: One row a trial as ``Tracker.load_trials`` returns them.
        """
        return list(final_rows(self.cells, recorded)["trial_key"])

    def tabulate(self, recorded: pd.DataFrame) -> AblationTable:
        """Compute the table from the recorded trials.

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
            other_metrics=self.other_metrics,
            floors=self.floors,
            judged=self.judged,
            judged_on=self.judged_on,
            caption=self.caption,
        )
