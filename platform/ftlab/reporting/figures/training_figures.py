"""All figures of the training of a table's trials, computed together."""

from dataclasses import dataclass

from ftlab.reporting.figures.gradient_landscape import GradientLandscape, gradient_landscape
from ftlab.reporting.figures.histories import Histories, LeftOut
from ftlab.reporting.figures.score_curves import ScoreCurves, score_curves
from ftlab.reporting.figures.score_distributions import FtEffect, ScoreDistributions, ft_effect, score_distributions
from ftlab.reporting.figures.score_surfaces import ScoreSurfaces, score_surfaces
from ftlab.reporting.table.ablation import AblationTable


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
        table: The table; only its trials are read.
        histories: The histories of its trials.
    """
    distributions = score_distributions(table, histories)
    figures = TrainingFigures(
        score_curves=score_curves(table, histories),
        score_surfaces=score_surfaces(table, histories),
        score_distributions=distributions,
        ft_effect=ft_effect(distributions),
        gradient_landscape=gradient_landscape(table, histories),
    )
    if not histories.unreadable:
        return figures
    # A figure that lacks records may lack only those that cannot be read.
    unreadable = LeftOut(f"the histories of {len(histories.unreadable)} trials cannot be read", keeps_files=True)
    found = {name: unreadable if isinstance(figure, LeftOut) else figure for name, figure in vars(figures).items()}
    return TrainingFigures(**found)
