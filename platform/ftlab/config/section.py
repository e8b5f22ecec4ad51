"""The base of every schema."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]

# Bounds of numbers that have no natural ones: what lies beyond is a slip of the keyboard, or no float32.
MANY = 1_000_000
LARGEST = 1e30

Rate = Annotated[float, Field(ge=1e-30, le=LARGEST)]
Temperature = Annotated[float, Field(ge=1e-6, le=1e6)]
Alpha = Annotated[float, Field(ge=1e-4, le=1e4)]

WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
NOUNS = {bool: "the value", int: "the number", float: "the number", str: "the text"}


class Section(BaseModel):
    """Base of every schema: frozen, without unknown keys, without NaN or infinity.

    A value is taken for what it is written as: a text is no number, and true is not 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, content: Any) -> Any:
        # pydantic's strict mode would refuse lists for tuples, and 1e1 for a whole number.
        if not isinstance(content, Mapping):
            return content
        fields = cls.model_fields
        wrong: list[InitErrorDetails] = []
        for name, value in content.items():
            if name in fields and (problem := _problem(value, _kinds(cls, name))):
                error = PydanticCustomError("value_error", "{problem}", {"problem": problem})
                wrong.append(InitErrorDetails(type=error, loc=(name,), input=value))
        if wrong:
            raise ValidationError.from_exception_data(cls.__name__, wrong)
        return {name: _canonical(value) for name, value in content.items()}


def _problem(value: Any, kinds: frozenset[object]) -> str:
    """Return the problem with a value that pydantic would take for one of another kind; empty if there is none."""
    if isinstance(value, list | tuple):
        return next((problem for part in value if (problem := _problem(part, kinds))), "")
    kind = type(value)
    if kind not in WORDS or Any in kinds or kind in kinds or (kind is not bool and value in kinds):
        return ""
    if (kind in (int, float) and not kinds.isdisjoint((int, float))) or kinds.isdisjoint((bool, int, float)):
        return ""  # pydantic names bounds and choices
    words = [word for wanted, word in WORDS.items() if wanted in kinds]
    words += sorted(repr(choice) for choice in kinds if isinstance(choice, str))
    return f"must be {' or '.join(words)}, but got {NOUNS[kind]} {value!r}."


def _canonical(value: Any) -> Any:
    return value + 0.0 if isinstance(value, float) else value  # -0.0 is 0.0


@cache
def _kinds(model: type[BaseModel], name: str) -> frozenset[object]:
    return frozenset(_kinds_in(model.model_fields[name].annotation))


def _kinds_in(annotation: Any) -> Iterator[object]:
    """Yield the types, and the literals, that a value of an annotation may have at any depth."""
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif annotation in (Any, bool, int, float, str):
        yield annotation
    else:
        for part in get_args(annotation):
            yield from _kinds_in(part)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the schemas that an annotation names, those of a union one after the other."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]
