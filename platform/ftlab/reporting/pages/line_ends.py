"""Labels at the ends of lines, beside the plot."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from ftlab.reporting.printed.label_places import move_apart

MAX_LABELS = 9
MAX_LETTERS = 12
LINE_HEIGHT, LETTER_WIDTH, LEADER = 13, 6.6, 12

End = tuple[float, float, str]


def end_labels(ends: Mapping[str, End], axis: str, values: Sequence[float], height: float) -> list[dict[str, Any]]:
    """Return the label of each line beside its end, moved as far as it would cover another; none for a single line.

    Args:
        ends: Place, value and colour of the end of each line by its label.
        axis: Name of the vertical axis, e.g. ``y2``.
        values: All values that the axis shows.
        height: Height of the axis in CSS pixels.

    Returns:
        Plotly's annotations.
    """
    known = {label: end for label, end in ends.items() if isfinite(end[1])}
    if not 1 < len(known) <= MAX_LABELS:
        return []
    finite = [value for value in values if isfinite(value)]
    pixels = height / ((max(finite) - min(finite)) or 1.0)
    ordered = sorted(known, key=lambda label: known[label][1])
    places = move_apart([known[label][1] for label in ordered], LINE_HEIGHT / pixels)
    # A piece of line in the colour leads to it: a page writes all texts in its own ink.
    leader = {"ax": LEADER, "xanchor": "left", "arrowhead": 0, "arrowwidth": 1.5, "font": {"size": 11}}
    return [
        {
            **leader,
            "text": shortened(label),
            "name": "end",
            "x": known[label][0],
            "y": known[label][1],
            "xref": "x",
            "yref": axis,
            "ay": (known[label][1] - place) * pixels,
            "arrowcolor": known[label][2],
        }
        for label, place in zip(ordered, places, strict=True)
    ]


def label_margin(labels: Sequence[Mapping[str, Any]]) -> float:
    """Return the right margin that labels need, in CSS pixels."""
    return LEADER + 8 + LETTER_WIDTH * max(len(label["text"]) for label in labels)


def shortened(label: str) -> str:
    """Return a label that fits beside a plot: its end, which tells it from others, if it is too long.

    >>> shortened("FT"), shortened("momentum: 0.9999")
    ('FT', '…ntum: 0.9999')
    """
    return label if len(label) <= MAX_LETTERS else f"…{label[-MAX_LETTERS:]}"
