"""Tables of two axes: one axis down, the other across."""

from dataclasses import dataclass

from ftlab.reporting.table.ablation import AblationTable
from ftlab.reporting.table.axes import axis_label, axis_text

MAX_ACROSS = 6


@dataclass(frozen=True)
class TwoWay:
    """The arrangement of a table's rows in two dimensions.

    Attributes:
        down_heading: The axis whose values go down, in words.
        across_heading: The axis whose values go across, in words.
        down: Values of the one axis.
        across: Values of the other.
        places: For each value down, the places of its rows in the table, one a value across.
    """

    down_heading: str
    across_heading: str
    down: tuple[str, ...]
    across: tuple[str, ...]
    places: tuple[tuple[int, ...], ...]


def find_two_way(table: AblationTable) -> TwoWay | None:
    """Return the arrangement of the rows in two dimensions, None unless they fill a grid of two axes that fits a page.

    The axis with fewer values goes across, or the second if both have as many. A table whose seeds were given by a rule
    stays a list, because each row says why it got no more seeds.
    """
    if len(table.axes) != 2 or table.seeding is not None:
        return None
    points = {
        tuple(axis_text(row.axes.get(axis)) for axis in table.axes): place for place, row in enumerate(table.rows)
    }
    values = [tuple(dict.fromkeys(point[axis] for point in points)) for axis in (0, 1)]
    is_full = len(points) == len(table.rows) == len(values[0]) * len(values[1])
    across = 1 if len(values[1]) <= len(values[0]) else 0
    if not is_full or "" in (*values[0], *values[1]) or not 1 < len(values[across]) <= MAX_ACROSS:
        return None
    places = tuple(
        tuple(points[(down, right) if across else (right, down)] for right in values[across])
        for down in values[1 - across]
    )
    down_heading, across_heading = axis_label(table.axes[1 - across]), axis_label(table.axes[across])
    return TwoWay(down_heading, across_heading, values[1 - across], values[across], places)
