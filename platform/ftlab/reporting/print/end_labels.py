"""Labels at the right ends of lines, which name them without a legend."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

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
    """Return the places nearest to these, by the sum of squares, that lie a gap apart in the same order.

    Places less a gap for each one below them must not fall, so that they are a regression on rising numbers, by pooling
    neighbours that violate it (Ayer et al. 1955, doi:10.1214/aoms/1177728423).

    Args:
        places: Places from 0 to 1; what would reach beyond either end moves back, the first end last.
        gap: Least distance.

    >>> spread([0.5, 0.5, 0.9], 0.1)
    [0.45, 0.55, 0.9]
    """
    order = sorted(range(len(places)), key=places.__getitem__)
    pools: list[list[float]] = []
    for rank, place in enumerate(order):
        pools.append([places[place] - rank * gap])
        while len(pools) > 1 and _mean(pools[-2]) > _mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    found = [_mean(pool) for pool in pools for _ in pool]
    slack = 1.0 - gap * (len(places) - 1)
    levels = {place: max(0.0, min(level, slack)) for place, level in zip(order, found, strict=True)}
    return [round(levels[place] + gap * order.index(place), 6) for place in range(len(places))]


def _mean(pool: Sequence[float]) -> float:
    return sum(pool) / len(pool)
