"""Panels of equal size, a few beside each other, for figures with one a cell."""

from collections.abc import Sequence
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

FRAME_HEIGHT = 2.2
MAX_COLUMNS = 4
NUM_TICKS = 4
TITLE_CHARACTERS, TITLE_SIZE = 24, 7


def even_columns(num_panels: int) -> int:
    """Return the number of panels in a row that makes the rows about equally full.

    >>> [even_columns(number) for number in (1, 4, 5, 6, 9, 10)]
    [1, 4, 3, 3, 3, 4]
    """
    num_rows = -(-num_panels // MAX_COLUMNS)
    return -(-num_panels // num_rows)


def grid_height(num_panels: int, columns: int, panel_height: float) -> float:
    """Return the height of a figure in centimetres."""
    return FRAME_HEIGHT + panel_height * -(-num_panels // columns)


def panel_grid(canvas: Figure, num_panels: int, columns: int) -> list[Axes]:
    """Return panels that share both scales, row by row."""
    grid = canvas.subplots(-(-num_panels // columns), columns, sharex=True, sharey=True, squeeze=False)
    panels: list[Axes] = list(grid.flat)
    for spare in panels[num_panels:]:
        spare.remove()
    return panels[:num_panels]


def name_panel(axes: Axes, title: str) -> None:
    """Write a title above a panel, in lines that fit it."""
    axes.set_title(fill(title, TITLE_CHARACTERS), fontsize=TITLE_SIZE)


def label_outside(panels: Sequence[Axes], columns: int, x_label: str, y_label: str) -> None:
    """Number the scales at the left and below the lowest panel of each column, and name them at the figure's edges."""
    first_of_last_row = (len(panels) - 1) // columns * columns
    for place, axes in enumerate(panels):
        is_left = place % columns == 0
        axes.tick_params(labelleft=is_left, labelbottom=place + columns >= len(panels))
        axes.xaxis.set_major_locator(MaxNLocator(NUM_TICKS))
        axes.set_ylabel(y_label if is_left else "")
        axes.set_xlabel(x_label if place >= first_of_last_row else "")
