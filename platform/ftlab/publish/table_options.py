"""The options of a study's table."""

from dataclasses import dataclass

from ftlab.reporting.table.statistics import Interval
from ftlab.reporting.writers.tex_style import TexStyle
from ftlab.seeding.auto import AutoSeeds


@dataclass(frozen=True)
class TableOptions:
    """The options of a table: the trials that it counts, the kind of its intervals, and its style in LaTeX.

    Attributes:
        all_seeds: Whether every recorded seed of a cell counts, or only the study's; without effect with ``auto``.
        auto: The rule that gives seeds to cells, and its bound; None if every cell has the same seeds.
        interval: Kind of the intervals of means.
        tex_style: Style of ``table.tex``.
    """

    all_seeds: bool
    auto: AutoSeeds | None = None
    interval: Interval = "t"
    tex_style: TexStyle = "compact"
