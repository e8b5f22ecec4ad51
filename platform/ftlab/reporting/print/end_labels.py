"""Labels at the right ends of lines, which name them without a legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from ftlab.reporting.printed.label_places import move_apart

LABEL_SIZE, LABEL_PLACE, LABEL_GAP = 6.5, 1.08, 0.015


@dataclass(frozen=True)
class LineEnd:
    """The right end of a line.

    Attributes:
        place: Its place on the horizontal axis.
        value: Its value.
        label: Name of the line.
        colour: Colour of the line.
    """

    place: float
    value: float
    label: str
    colour: Any


def label_ends(axes: Axes, ends: Sequence[LineEnd], gap: float) -> None:
    """Write the names of lines at the right of their ends, apart from each other, each with a thin line to its end.

    Args:
        axes: The panel; its limits are final.
        ends: The ends of its lines.
        gap: Least distance of two names, as a share of the panel's height.
    """
    to_panel = axes.transData + axes.transAxes.inverted()
    corners = [tuple(map(float, to_panel.transform((end.place, end.value)))) for end in ends]
    heights = spread([height for _, height in corners], gap)
    for end, (place, value), height in zip(ends, corners, heights, strict=True):
        # Lines, not the arrows of annotations, which take half a second to lay out.
        line = [place, LABEL_PLACE - LABEL_GAP], [value, height]
        axes.plot(*line, color=end.colour, linewidth=0.4, transform=axes.transAxes, clip_on=False)
        axes.text(
            LABEL_PLACE,
            height,
            end.label,
            transform=axes.transAxes,
            va="center",
            fontsize=LABEL_SIZE,
            color=end.colour,
        )


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Return the places of `move_apart`, moved back where they would reach beyond 0 or 1, beyond 0 last.

    >>> spread([0.5, 0.5, 0.9], 0.1)
    [0.45, 0.55, 0.9]
    """
    moved, last = move_apart(places, gap), len(places) - 1
    ranks = {place: rank for rank, place in enumerate(sorted(range(len(places)), key=places.__getitem__))}
    return [
        round(max(gap * ranks[place], min(value, 1.0 - gap * (last - ranks[place]))), 6)
        for place, value in enumerate(moved)
    ]
