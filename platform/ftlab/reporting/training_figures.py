"""All figures of the training of a table's trials: compute them, and write each under its name."""

from dataclasses import dataclass
from pathlib import Path

from ftlab.reporting.ablation import AblationTable
from ftlab.reporting.atomic import write_if_changed
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
        table: The table; only its trials are read.
        histories: The histories of its trials.
    """
    distributions = score_distributions(table, histories)
    return TrainingFigures(
        score_curves=score_curves(table, histories),
        score_surfaces=score_surfaces(table, histories),
        score_distributions=distributions,
        ft_effect=ft_effect(distributions),
        gradient_landscape=gradient_landscape(table, histories),
    )


def write_training_figures(figures: TrainingFigures, folder: Path) -> list[Path]:
    """Write each figure as PNG and PDF; the same figures give the same bytes with the same matplotlib.

    Args:
        figures: The figures. The files of a figure that is left out are removed, and ``left_out.txt`` says why.
        folder: Created when missing.

    Returns:
        The files that are there.
    """
    # matplotlib takes half a second to import, and figures are computed without it.
    from ftlab.reporting.training_drawings import DRAWINGS

    contents: dict[str, bytes | None] = {"left_out.txt": _reasons(figures)}
    for name, draw in DRAWINGS.items():
        figure = getattr(figures, name)
        drawn = {} if isinstance(figure, LeftOut) else draw(figure)
        contents |= {f"{name}.{ending}": drawn.get(ending) for ending in ("png", "pdf")}
    return [path for name, content in contents.items() if (path := _keep(folder / name, content))]


def _reasons(figures: TrainingFigures) -> bytes | None:
    left_out = {name: figure.reason for name, figure in vars(figures).items() if isinstance(figure, LeftOut)}
    return "".join(f"{name}: {reason}\n" for name, reason in left_out.items()).encode() or None


def _keep(path: Path, content: bytes | None) -> Path | None:
    if content is None:
        path.unlink(missing_ok=True)
        return None
    write_if_changed(path, content)
    return path
