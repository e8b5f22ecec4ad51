"""All figures of how a table's trials trained: what is computed, under which name."""

from dataclasses import dataclass

from ftlab.reporting.ablation import AblationTable
from ftlab.reporting.gradient_landscape import GradientLandscape, gradient_landscape
from ftlab.reporting.histories import Histories, LeftOut
from ftlab.reporting.score_curves import ScoreCurves, score_curves
from ftlab.reporting.score_distributions import FtEffect, ScoreDistributions, ft_effect, score_distributions
from ftlab.reporting.score_surfaces import ScoreSurfaces, score_surfaces


@dataclass(frozen=True)
class TrainingFigures:
    """The figures of a table beside its accuracy, each computed or left out with a reason."""

    score_curves: ScoreCurves | LeftOut
    score_surfaces: ScoreSurfaces | LeftOut
    score_distributions: ScoreDistributions | LeftOut
    ft_effect: FtEffect | LeftOut
    gradient_landscape: GradientLandscape | LeftOut


def training_figures(table: AblationTable, histories: Histories) -> TrainingFigures:
    """Compute the figures of a table.

    Args:
        table: The table; its trials are looked at, all others left alone.
        histories: What its trials recorded.
    """
    distributions = score_distributions(table, histories)
    return TrainingFigures(
        score_curves=score_curves(table, histories),
        score_surfaces=score_surfaces(table, histories),
        score_distributions=distributions,
        ft_effect=ft_effect(distributions),
        gradient_landscape=gradient_landscape(table, histories),
    )
