"""The axes of an ablation: their labels, their values in words, and the comparison of two values."""

from collections.abc import Mapping, Sequence
from math import isclose

AxisValue = str | float | int | bool | Sequence[float] | None
Axes = Mapping[str, AxisValue]


def axis_label(axis: str) -> str:
    """Return an axis in words for people: the setting, or its section where it is the section's name.

    >>> axis_label("method.key_momentum"), axis_label("method.name")
    ('key momentum', 'method')
    """
    return axis.removesuffix(".name").rpartition(".")[2].replace("_", " ")


def axis_text(value: AxisValue) -> str:
    """Return a value as a table prints it; empty for None, an axis that has no effect in the cell.

    >>> [axis_text(value) for value in (0.99, 1.0, 4, True, "never", (1.0, 2.0), None)]
    ['0.99', '1.0', '4', 'true', 'never', '[1.0, 2.0]', '']
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return f"[{', '.join(axis_text(item) for item in value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return repr(float(value)) if isinstance(value, float) else str(value)


def axis_number(value: AxisValue) -> float | None:
    """Return the number that a value stands for; None for words, truth values and ranges.

    >>> [axis_number(value) for value in (4, "0.50", "never", True)]
    [4.0, 0.5, None, None]
    """
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(axis_text(value))
    except ValueError:
        return None


def same_value(left: AxisValue, right: AxisValue) -> bool:
    """Return whether two values are the same: numbers by their size, everything else by its text.

    >>> same_value("0.50", 0.5), same_value("never", "never"), same_value("never", 0.5)
    (True, True, False)
    """
    first, second = axis_number(left), axis_number(right)
    if first is None or second is None:
        return axis_text(left) == axis_text(right)
    return isclose(first, second, rel_tol=1e-9)
