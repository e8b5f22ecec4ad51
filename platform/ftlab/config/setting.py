"""A setting: its value, and the traits that its field is annotated with."""

from collections.abc import Sequence
from enum import Enum, auto
from math import isfinite
from typing import Annotated, Any

from pydantic import PlainValidator

_Value = str | int | float | bool | list[float] | None


def _check_setting(value: Any) -> _Value:
    if isinstance(value, list) and all(map(_is_number, value)):
        return [float(number) for number in value]
    if value is None or isinstance(value, str | bool) or _is_number(value):
        return value  # type: ignore[no-any-return]
    raise ValueError(f"must be a text, a number, true, false, empty or a list of numbers, but got {value!r}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def first_twice(values: Sequence[_Value]) -> tuple[_Value, ...]:
    """Return the first value that equals an earlier one, alone; nothing if all differ. 1 and 1.0 do not, 1 and true do.

    >>> first_twice([0.5, 1, True, 1.0])
    (1.0,)
    """
    given: set[tuple[bool, str]] = set()
    for value in values:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        spelled = (number, repr(float(value) if number else value))  # type: ignore[arg-type]
        if spelled in given:
            return (value,)
        given.add(spelled)
    return ()


Setting = Annotated[_Value, PlainValidator(_check_setting, json_schema_input_type=_Value)]
Settings = dict[str, Setting]


class Trait(Enum):
    """A trait of a setting, in the annotation of its field, that the rest of the program reads.

    Attributes:
        ADDED: It was added when trials had been trained: its default is what was done before, and enters no key.
        SWITCH: It decides whether other settings have an effect.
        PATH: It leads to files on this machine; only the last part of its value means something elsewhere.
        UNMARKED: It is not part of a study's name.
        EPOCH_COST: It decides the cost of an epoch.
        FT_COST: It decides the cost that FT adds to an epoch.
        PROBE_COST: It decides the cost of a probe.
        CHECKPOINT_COST: It decides the size of a checkpoint.
    """

    ADDED = auto()
    SWITCH = auto()
    PATH = auto()
    UNMARKED = auto()
    EPOCH_COST = auto()
    FT_COST = auto()
    PROBE_COST = auto()
    CHECKPOINT_COST = auto()
