"""Tables of two axes: one axis down, the other across."""

from dataclasses import dataclass

from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.table.axes import axis_label, axis_number, axis_text

MAX_ACROSS = 6


@dataclass(frozen=True)
class TwoWay:
    """The arrangement of a table's rows in two dimensions.

    Attributes:
        down_heading: The axis whose values go down, in words.
        across_heading: The axis whose values go across, in words.
        down: Values of the one axis.
        across: Values of the other.
        places: For each value down, the places of its rows in the table, one a value across; None where the
            experiment leaves the combination out.
    """

    down_heading: str
    across_heading: str
    down: tuple[str, ...]
    across: tuple[str, ...]
    places: tuple[tuple[int | None, ...], ...]

    @property
    def is_down_words(self) -> bool:
        """Return whether values that go down are words, not numbers alone."""
        return any(axis_number(value) is None for value in self.down)

    @property
    def has_holes(self) -> bool:
        """Return whether combinations are left out."""
        return any(None in places for places in self.places)


def find_two_way(table: AblationTable) -> TwoWay | None:
    """Return the arrangement of the rows in two dimensions, None unless they are a grid of two axes that fits a page.

    The axis with fewer values goes across, or the second if both have as many. A grid may leave combinations out; rows
    beside a grid that they do not fill stay a list. So does a table whose seeds were given by a rule, because each row
    says why it got no more seeds.
    """
    if len(table.axes) != 2 or table.seeding is not None:
        return None
    points = {
        tuple(axis_text(row.axes.get(axis)) for axis in table.axes): place for place, row in enumerate(table.rows)
    }
    values = [tuple(dict.fromkeys(point[axis] for point in points)) for axis in (0, 1)]
    is_full = len(points) == len(values[0]) * len(values[1])
    across = 1 if len(values[1]) <= len(values[0]) else 0
    if len(points) < len(table.rows) or not (is_full or _is_generated(table)):
        return None
    if "" in (*values[0], *values[1]) or not 1 < len(values[across]) <= MAX_ACROSS:
        return None
    places = tuple(
        tuple(points.get((down, right) if across else (right, down)) for right in values[across])
        for down in values[1 - across]
    )
    down_heading, across_heading = axis_label(table.axes[1 - across]), axis_label(table.axes[across])
    return TwoWay(down_heading, across_heading, values[1 - across], values[across], places)


def _is_generated(table: AblationTable) -> bool:
    """Return whether a grid made all rows: it names them by their axes."""
    return all(row.cell.startswith(f"{table.axes[0].rpartition('.')[2]}=") for row in table.rows)
