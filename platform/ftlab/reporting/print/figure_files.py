"""Write figures for print to files; matplotlib is imported at use."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ftlab.reporting.figures.axis_figure import AxisFigure
from ftlab.reporting.figures.drawn_from import drawn_from
from ftlab.reporting.figures.histories import LeftOut
from ftlab.reporting.figures.training_figures import TrainingFigures
from ftlab.storage.atomic import write_if_changed
from ftlab.storage.made_files import MadeFiles

ENDINGS = ("png", "pdf")


def draw_axis_figure(figure: AxisFigure, path: Path, made: MadeFiles | None = None) -> list[Path]:
    """Draw a figure for print; the same figure gives the same bytes with the same matplotlib.

    Args:
        figure: The figure.
        path: Path of the files; its ending is replaced by ``.png`` and ``.pdf``.
        made: Files that need not be drawn if nothing has changed since; None draws in any case.

    Returns:
        The two files.
    """
    return _draw("axis_figure", figure, path, made or MadeFiles(path.parent))


def write_training_figures(figures: TrainingFigures, folder: Path, made: MadeFiles | None = None) -> list[Path]:
    """Write each figure as PNG and PDF; the same figures give the same bytes with the same matplotlib.

    Args:
        figures: The figures. The files of a figure that is left out are removed, unless it only cannot be read, and
            ``left_out.txt`` says why; it also names the scores that a drawn figure lacks.
        folder: Created when missing.
        made: Files that need not be drawn if nothing has changed since; None draws in any case.

    Returns:
        The files that are there.
    """
    reasons = folder / "left_out.txt"
    paths = [reasons] if _keep(reasons, _reasons(figures)) else []
    for name, figure in vars(figures).items():
        path = folder / f"{name}.png"
        if not isinstance(figure, LeftOut):
            paths += _draw(name, figure, path, made or MadeFiles(folder))
        elif not figure.keeps_files:
            for ending in ENDINGS:
                path.with_suffix(f".{ending}").unlink(missing_ok=True)
    return paths


def _draw(name: str, figure: object, path: Path, made: MadeFiles) -> list[Path]:
    def draw() -> Sequence[bytes]:
        drawn = _drawings()[name](figure)
        return [drawn[ending] for ending in ENDINGS]

    return made.make([path.with_suffix(f".{ending}") for ending in ENDINGS], drawn_from(figure, "print"), draw)


def _reasons(figures: TrainingFigures) -> bytes | None:
    reasons = {
        name: figure.reason if isinstance(figure, LeftOut) else getattr(figure, "missing", "")
        for name, figure in vars(figures).items()
    }
    return "".join(f"{name}: {reason}\n" for name, reason in reasons.items() if reason).encode() or None


def _keep(path: Path, content: bytes | None) -> bool:
    if content is None:
        path.unlink(missing_ok=True)
        return False
    write_if_changed(path, content)
    return True


def _drawings() -> Mapping[str, Callable[[Any], dict[str, bytes]]]:
    """Return the function that draws each of the figures, by its name."""
    # matplotlib takes half a second to import, and figures that have not changed are left alone without it.
    from ftlab.reporting.print.axis_drawing import draw
    from ftlab.reporting.print.curves_drawing import draw_score_curves
    from ftlab.reporting.print.distributions_drawing import draw_score_distributions
    from ftlab.reporting.print.effect_drawing import draw_ft_effect
    from ftlab.reporting.print.gradients_drawing import draw_gradient_landscape
    from ftlab.reporting.print.surfaces_drawing import draw_score_surfaces

    return {
        "axis_figure": draw,
        "score_curves": draw_score_curves,
        "score_surfaces": draw_score_surfaces,
        "score_distributions": draw_score_distributions,
        "ft_effect": draw_ft_effect,
        "gradient_landscape": draw_gradient_landscape,
    }
