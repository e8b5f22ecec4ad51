"""Labels at the ends of lines, beside the plot."""

from collections.abc import Mapping, Sequence
from math import isfinite

import plotly.graph_objects as go

MAX_LABELS = 8
MAX_LETTERS = 12
LINE_HEIGHT, LETTER_WIDTH, LEADER = 13, 6.6, 12

End = tuple[float, float, str]


def label_ends(drawn: go.Figure, axis: str, ends: Mapping[str, End], values: Sequence[float], height: float) -> None:
    """Write the label of each line beside its end, moved as far as it would cover another; nothing for a single line.

    Args:
        drawn: The figure; its right margin is widened.
        axis: Name of the vertical axis, e.g. ``y2``.
        ends: Place, value and colour of the end of each line by its label.
        values: All values that the axis shows.
        height: Height of the axis in CSS pixels.
    """
    known = {label: end for label, end in ends.items() if isfinite(end[1])}
    if not 1 < len(known) <= MAX_LABELS:
        return
    finite = [value for value in values if isfinite(value)]
    pixels = height / ((max(finite) - min(finite)) or 1.0)
    ordered = sorted(known, key=lambda label: known[label][1])
    places = spread([known[label][1] for label in ordered], LINE_HEIGHT / pixels)
    for label, place in zip(ordered, places, strict=True):
        x, y, color = known[label]
        # A piece of line in the colour leads to it: a page writes all texts in its own ink.
        drawn.add_annotation(
            text=shortened(label),
            name="end",
            x=x,
            y=y,
            xref="x",
            yref=axis,
            ax=LEADER,
            ay=(y - place) * pixels,
            xanchor="left",
            arrowhead=0,
            arrowwidth=1.5,
            arrowcolor=color,
            font={"size": 11},
        )
    widest = max(len(shortened(label)) for label in known)
    drawn.update_layout(margin={"r": LEADER + 8 + LETTER_WIDTH * widest})


def shortened(label: str) -> str:
    """Return a label that fits beside a plot: its end, which tells it from others, if it is too long.

    >>> shortened("FT"), shortened("momentum: 0.9999")
    ('FT', '…ntum: 0.9999')
    """
    return label if len(label) <= MAX_LETTERS else f"…{label[-MAX_LETTERS:]}"


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Return ascending places moved apart by at least a gap, each group of close ones around its middle.

    >>> spread([0.0, 0.0, 5.0], 2.0)
    [-1.0, 1.0, 5.0]
    """
    groups: list[tuple[float, int]] = []
    for place in places:
        groups.append((place, 1))
        while len(groups) > 1 and groups[-1][0] - groups[-2][0] < gap * (groups[-1][1] + groups[-2][1]) / 2:
            (first, number), (second, more) = groups[-2:]
            groups[-2:] = [((first * number + second * more) / (number + more), number + more)]
    return [middle + gap * (rank - (number - 1) / 2) for middle, number in groups for rank in range(number)]
