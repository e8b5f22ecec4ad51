"""How figures for one column of print look, whatever they show."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

# Okabe and Ito's palette, told apart by colour-blind readers; markers and dashes tell the same in grey.
OURS, PAPER, COLLAPSE, QUIET = "#0072B2", "#D55E00", "#000000", "#767676"

CENTIMETRE = 1 / 2.54
WIDTH = 8.4

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "pdf.fonttype": 42,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
}


def print_figure(fill: Callable[[Figure], None], height: float) -> dict[str, bytes]:
    """Return a figure as ``png`` and ``pdf``; neither holds a date or a library's version.

    Args:
        fill: Draws on the empty figure.
        height: In centimetres.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        canvas = Figure(figsize=(WIDTH * CENTIMETRE, height * CENTIMETRE), layout="constrained")
        fill(canvas)
        return {
            "png": _save(canvas, "png", {"Software": None}),
            "pdf": _save(canvas, "pdf", {"CreationDate": None, "Creator": None, "Producer": None}),
        }


def _save(canvas: Figure, ending: str, metadata: dict[str, None]) -> bytes:
    buffer = BytesIO()
    canvas.savefig(buffer, format=ending, dpi=300, metadata=metadata)
    return buffer.getvalue()
