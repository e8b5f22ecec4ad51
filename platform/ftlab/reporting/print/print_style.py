"""The style of all figures for print, one or two columns wide."""

from collections.abc import Callable
from io import BytesIO
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

# Okabe and Ito's palette, which colour-blind readers can tell apart; in grey, markers and dashes tell as much.
OURS, PAPER, COLLAPSE, QUIET = "#0072B2", "#D55E00", "#000000", "#767676"
POSITIVE, NEGATIVE = "#0072B2", "#D55E00"
NAMED = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)))
ORDERED, BRIGHTEST = "viridis", 0.9  # grows lighter evenly, in grey too; its yellow is lost on white

CENTIMETRE = 1 / 2.54
ONE_COLUMN, TWO_COLUMNS = 8.4, 17.4
DOTS_PER_INCH = {ONE_COLUMN: 300, TWO_COLUMNS: 180}
NOTE_SIZE = 6.5

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.linewidth": 0.6,
    "axes.titley": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4.5,
    "pdf.fonttype": 42,
    "text.parse_math": False,  # a name with two dollars is no formula, and need not be a valid one
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
}


def print_figure(draw: Callable[[Figure], None], height: float, width: float = ONE_COLUMN) -> dict[str, bytes]:
    """Return a figure as ``png`` and ``pdf``; neither holds a date or a library's version.

    Args:
        draw: Draws on the empty figure.
        height: In centimetres.
        width: `ONE_COLUMN` or `TWO_COLUMNS`, in centimetres.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        canvas = Figure(figsize=(width * CENTIMETRE, height * CENTIMETRE), layout="constrained")
        draw(canvas)
        dots = DOTS_PER_INCH[width]
        picture = _png(canvas, dots)
        # The layout of the picture serves the PDF too; making it anew would take as long as drawing.
        canvas.set_layout_engine(None)
        return {"png": picture, "pdf": _pdf(canvas, dots)}


def line_styles(num_cells: int, *, ordered: bool) -> list[dict[str, Any]]:
    """Return colour and dashes of the line of each cell.

    Args:
        num_cells: Number of cells.
        ordered: Whether cells are values of one axis, and colours therefore a scale; else a colour comes again with
            other dashes.
    """
    if not ordered:
        places = range(num_cells)
        return [{"color": NAMED[place % len(NAMED)], "linestyle": DASHES[place // len(NAMED)]} for place in places]
    scale = mpl.colormaps[ORDERED]
    return [{"color": scale(BRIGHTEST * place / max(num_cells - 1, 1))} for place in range(num_cells)]


def write_note(canvas: Figure, note: str, width: float = TWO_COLUMNS) -> None:
    """Write a note below everything else; an empty one leaves no gap."""
    if note:
        canvas.supxlabel(fill(note, round(width * 7)), fontsize=NOTE_SIZE, color=QUIET)


def _png(canvas: Figure, dots: int) -> bytes:
    """Return a picture in the 256 colours that fit it best: a third of the bytes, and no difference in print."""
    canvas.set_dpi(dots)
    pixels = FigureCanvasAgg(canvas)
    pixels.draw()
    rgba = np.asarray(pixels.buffer_rgba())
    picture = Image.fromarray(rgba).convert("RGB").quantize(dither=Image.Dither.NONE)
    buffer = BytesIO()
    # Packing as well as possible makes it 4% smaller and takes a tenth of a second.
    picture.save(buffer, "png", dpi=(dots, dots))
    return buffer.getvalue()


def _pdf(canvas: Figure, dots: int) -> bytes:
    buffer = BytesIO()
    canvas.savefig(buffer, format="pdf", dpi=dots, metadata={"CreationDate": None, "Creator": None, "Producer": None})
    return buffer.getvalue()
