"""Write figures for print to files; matplotlib is imported at use."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ftlab.reporting.figures.axis_figure import AxisFigure
from ftlab.reporting.figures.histories import LeftOut
from ftlab.reporting.figures.training_figures import TrainingFigures
from ftlab.storage.atomic import write_if_changed


def draw_axis_figure(figure: AxisFigure, path: Path) -> list[Path]:
    """Draw a figure for print; the same figure gives the same bytes with the same matplotlib.

    Args:
        figure: The figure.
        path: Path of the files; its ending is replaced by ``.png`` and ``.pdf``.

    Returns:
        The two files.
    """
    # matplotlib takes half a second to import, and tables are written without it.
    from ftlab.reporting.print.axis_drawing import draw

    contents = draw(figure)
    paths = [path.with_name(f"{path.stem}.{ending}") for ending in contents]
    for file, content in zip(paths, contents.values(), strict=True):
        write_if_changed(file, content)
    return paths


def write_training_figures(figures: TrainingFigures, folder: Path) -> list[Path]:
    """Write each figure as PNG and PDF; the same figures give the same bytes with the same matplotlib.

    Args:
        figures: The figures. The files of a figure that is left out are removed, unless it only cannot be read, and
            ``left_out.txt`` says why; it also names the scores that a drawn figure lacks.
        folder: Created when missing.

    Returns:
        The files that are there.
    """
    contents: dict[str, bytes | None] = {"left_out.txt": _reasons(figures)}
    for name, draw in _drawings().items():
        figure = getattr(figures, name)
        if isinstance(figure, LeftOut) and figure.keeps_files:
            continue
        drawn = {} if isinstance(figure, LeftOut) else draw(figure)
        contents |= {f"{name}.{ending}": drawn.get(ending) for ending in ("png", "pdf")}
    return [path for name, content in contents.items() if (path := _keep(folder / name, content))]


def _reasons(figures: TrainingFigures) -> bytes | None:
    reasons = {
        name: figure.reason if isinstance(figure, LeftOut) else getattr(figure, "missing", "")
        for name, figure in vars(figures).items()
    }
    return "".join(f"{name}: {reason}\n" for name, reason in reasons.items() if reason).encode() or None


def _keep(path: Path, content: bytes | None) -> Path | None:
    if content is None:
        path.unlink(missing_ok=True)
        return None
    write_if_changed(path, content)
    return path


def _drawings() -> Mapping[str, Callable[[Any], dict[str, bytes]]]:
    """Return the function that draws each of the figures, by its field."""
    # matplotlib takes half a second to import, and figures are computed without it.
    from ftlab.reporting.print.curves_drawing import draw_score_curves
    from ftlab.reporting.print.distributions_drawing import draw_score_distributions
    from ftlab.reporting.print.effect_drawing import draw_ft_effect
    from ftlab.reporting.print.gradients_drawing import draw_gradient_landscape
    from ftlab.reporting.print.surfaces_drawing import draw_score_surfaces

    return {
        "score_curves": draw_score_curves,
        "score_surfaces": draw_score_surfaces,
        "score_distributions": draw_score_distributions,
        "ft_effect": draw_ft_effect,
        "gradient_landscape": draw_gradient_landscape,
    }
