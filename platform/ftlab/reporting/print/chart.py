"""A chart whose values grow upwards, or to the right if its places are rows of text."""

from collections.abc import Sequence
from math import isnan
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

Mark = tuple[float, float]

WORD_SIZE, WORD_FOOT = 6.5, 0.04
NUM_STEPS, SHORT_STEPS = 2, (1, 2, 4, 5, 10)


class Chart:
    """A chart with places on one axis and values on the other; drawing code need not know which is which.

    Args:
        axes: Axes to draw on.
        sideways: Whether places run down the vertical axis and values to the right.
    """

    def __init__(self, axes: Axes, *, sideways: bool) -> None:
        self.axes = axes
        self.sideways = sideways

    def name_values(self, label: str, color: str = "black") -> None:
        """Name the axis of values."""
        if self.sideways:
            self.axes.set_xlabel(label, color=color)
        else:
            self.axes.set_ylabel(label, color=color)

    def mark_few_values(self) -> None:
        """Mark few values, in short numbers such as 72 and 76, if they stand beside each other."""
        if self.sideways:
            self.axes.xaxis.set_major_locator(MaxNLocator(NUM_STEPS, steps=SHORT_STEPS))

    def name_places(self, name: str, places: Sequence[float], labels: Sequence[str], *, slanted: bool = False) -> None:
        """Name the axis of places, and write a label at each."""
        if self.sideways:
            self.axes.set_ylabel(name)
        else:
            self.axes.set_xlabel(name)
        if self.sideways:
            self.axes.set_yticks(places, labels)
            self.axes.set_ylim(max(places) + 0.6, min(places) - 0.6)
        elif slanted:
            self.axes.set_xticks(places, labels, rotation=45, ha="right", rotation_mode="anchor")
        else:
            self.axes.set_xticks(places, labels)

    def say_empty(self, text: str) -> None:
        """Write a text where marks would be, without a scale of values."""
        self.axes.text(0.5, 0.5, text, transform=self.axes.transAxes, ha="center")
        if self.sideways:
            self.axes.set_xticks([])
        else:
            self.axes.set_yticks([])

    def plot(self, marks: Sequence[Mark], style: str, **settings: Any) -> None:
        """Draw (place, value) marks; those without a value are left out."""
        drawn = [mark for mark in marks if not isnan(mark[1])]
        if drawn:
            self.axes.plot(*self._across(drawn), style, **settings)

    def word(self, place: float, text: str, color: str) -> None:
        """Write at a place what stands there instead of a value, away from the axis of places."""
        foot = self.axes.get_yaxis_transform() if self.sideways else self.axes.get_xaxis_transform()
        upwards = {} if self.sideways else {"rotation": 90, "ha": "center", "va": "bottom"}
        settings: dict[str, Any] = {"ha": "left", "va": "center", **upwards, "color": color, "fontsize": WORD_SIZE}
        [across], [along] = self._across([(place, WORD_FOOT)])
        self.axes.text(across, along, text, transform=foot, **settings)

    def intervals(self, spans: Sequence[tuple[float, float, float]], **settings: Any) -> None:
        """Draw (place, low, high) as bars with caps."""
        across = self._across([(place, (low + high) / 2) for place, low, high in spans])
        halves = [(high - low) / 2 for _, low, high in spans]
        if self.sideways:
            self.axes.errorbar(*across, xerr=halves, **settings)
        else:
            self.axes.errorbar(*across, yerr=halves, **settings)

    def reference(self, value: float, **settings: Any) -> None:
        """Draw a line at one value, across all places."""
        if self.sideways:
            self.axes.axvline(value, **settings)
        else:
            self.axes.axhline(value, **settings)

    def _across(self, marks: Sequence[Mark]) -> tuple[list[float], list[float]]:
        places, values = [mark[0] for mark in marks], [mark[1] for mark in marks]
        return (values, places) if self.sideways else (places, values)
