"""The choice of rows by words and settings, and their order."""

import re
from collections.abc import Callable, Mapping
from math import isnan
from operator import ge, gt, le, lt
from typing import Any

from ftlab.reporting.table.axes import axis_number, same_value

COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {">=": ge, "<=": le, ">": gt, "<": lt}
MISSING = 2  # first part of the key of a missing value
CONDITION = re.compile(r"([\w.]+)(>=|<=|!=|=|>|<)(.+)")


def matches(text: str, name: str, settings: Mapping[str, str]) -> bool:
    """Return whether a row or run has all words of a text in its name, and all settings that the text asks for.

    Args:
        text: Words, and conditions such as ``momentum>=0.9``: a setting by its dotted name or the end of it.
        name: Name of the row.
        settings: Its settings by dotted name.

    >>> matches("ft queue_size<=1024", "FT, small queue", {"method.queue_size": "512"})
    True
    >>> matches("queue_size=256", "FT, small queue", {"method.queue_size": "512"})
    False
    """
    return all(_matches(word, name.lower(), settings) for word in text.lower().split())


def sort_key(value: object) -> tuple[int, float, str]:
    """Return a key by which numbers come by size, then words; missing values are last.

    >>> sorted(["never", "0.9", "0.5", ""], key=sort_key)
    ['0.5', '0.9', 'never', '']
    """
    if value is None or value == "" or (isinstance(value, float) and isnan(value)):
        return MISSING, 0.0, ""
    number = axis_number(str(value))
    return (1, 0.0, str(value)) if number is None else (0, number, "")


def _matches(word: str, name: str, settings: Mapping[str, str]) -> bool:
    condition = CONDITION.fullmatch(word)
    if condition is None:
        return word in name
    setting, sign, asked = condition.groups()
    found = [value for key, value in settings.items() if f".{key}".lower().endswith(f".{setting}")]
    return any(_holds(value.lower(), sign, asked) for value in found) or word in name


def _holds(value: str, sign: str, asked: str) -> bool:
    if sign in ("=", "!="):
        return same_value(value, asked) == (sign == "=")
    left, right = axis_number(value), axis_number(asked)
    return left is not None and right is not None and COMPARED[sign](left, right)
