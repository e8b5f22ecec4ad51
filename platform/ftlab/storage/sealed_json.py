"""JSON that ftlab writes for itself: sealed with a checksum, checked when it is read, set aside where it is damaged."""

import json
import logging
import re
from collections.abc import Callable, Mapping
from enum import Enum, auto
from hashlib import sha256
from math import inf
from typing import Any

from ftlab.errors import StorageError
from ftlab.storage.folder import Folder

CHECKSUM_LENGTH = 16
_SEAL = re.compile(rb',"checksum":"([0-9a-f]{%d})"\}' % CHECKSUM_LENGTH)
_SEAL_LENGTH = len(',"checksum":""}') + CHECKSUM_LENGTH

# A type, `None`, a predicate; ``[shape]``: a list; ``{str: shape}``: any names; ``{"name": shape, "other?": shape}``:
# these fields and no others, the second of which may be missing.
Shape = type | None | Callable[[Any], bool] | list[Any] | dict[Any, Any]

_logger = logging.getLogger(__name__)


class Seal(Enum):
    """The result of checking a checksum."""

    INTACT = auto()
    BROKEN = auto()
    ABSENT = auto()  # written before there were checksums, or cut off


class DamagedError(Exception):
    """A text that ftlab wrote for itself is not as it was written."""


def sealed(content: Mapping[str, Any]) -> bytes:
    """Return an object as one line of JSON, without its end, whose last field is a checksum of all before it.

    Floats are read back bit for bit, NaN and infinities too.

    Args:
        content: The fields, in JSON's types; at least one.
    """
    text = json.dumps(content, separators=(",", ":")).encode()
    return text[:-1] + b',"checksum":"%s"}' % _checksum(text)


def check_seal(text: bytes) -> Seal:
    """Return the result of checking a text's checksum.

    The checksum is taken off as text, so that no other spelling of the same JSON can be meant.

    Args:
        text: The line without its end; it need not be JSON.
    """
    seal = _SEAL.fullmatch(text[-_SEAL_LENGTH:])
    if seal is None:
        return Seal.ABSENT
    return Seal.INTACT if seal[1] == _checksum(text[:-_SEAL_LENGTH] + b"}") else Seal.BROKEN


def read_sealed(text: bytes, shape: Shape) -> tuple[dict[str, Any], bool]:
    """Return the fields of a sealed object, without its checksum, and whether it has one.

    A text of before, without a checksum, is read if it has the shape.

    Args:
        text: The result of `sealed`.
        shape: Shape that the fields must have.

    Raises:
        DamagedError: It was damaged or altered, is no JSON, or has another shape.
    """
    seal = check_seal(text)
    if seal is Seal.BROKEN:
        raise DamagedError("its checksum differs")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedError("it is no JSON") from error
    if seal is Seal.INTACT:
        del content["checksum"]
    if fault := misfit(content, shape):
        raise DamagedError(fault)
    return content, seal is Seal.INTACT


def load_sealed(folder: Folder, name: str, shape: Shape, consequence: str = "") -> dict[str, Any] | None:
    """Return the fields of a file; None if there is none, or if it is damaged and was set aside.

    Args:
        folder: Its folder.
        name: Its name.
        shape: Shape that the fields must have.
        consequence: What the loss of a damaged file means, in words, for the warning.

    Raises:
        StorageError: The file cannot be read.
    """
    try:
        return read_sealed(folder.read(name), shape)[0]
    except FileNotFoundError:
        return None
    except DamagedError as error:
        set_aside(folder, name, f"{error}; {consequence}" if consequence else str(error))
        return None


def misfit(value: object, shape: Shape) -> str:
    """Return the first difference between a value and a shape, in words; an empty text if there is none.

    Integers are counts below 2**63. A float may be written as an integer that it holds exactly.

    >>> misfit({"a": [1, 2]}, {"a": [int], "b?": str}), misfit({"a": [1, "x"]}, {"a": [int]})
    ('', "a: 'x' is no int")
    """
    if isinstance(shape, list) and isinstance(value, list):
        (each,) = shape
        # Nearly all that a journal holds are lists of numbers.
        kinds = set(map(type, value))
        if each is float and kinds <= {float}:
            return ""
        if each is int and kinds == {int} and min(value) >= 0 and max(value) < 2**63:
            return ""
        return next(filter(None, (misfit(item, each) for item in value)), "")
    if isinstance(shape, dict) and isinstance(value, dict):
        return _misfit_of_fields(value, shape)
    if isinstance(shape, type):
        fits = _is_plain(value, shape)
    else:
        fits = value is None if shape is None else callable(shape) and bool(shape(value))
    name = "object" if isinstance(shape, dict) else getattr(shape, "__name__", "list").strip("_").replace("_", " ")
    return "" if fits else f"{repr(value)[:80]} is no {name}"


def number_within(low: float, high: float = inf) -> Callable[[Any], bool]:
    """Return the shape of finite numbers between two bounds, both included; a truth value is none."""
    return lambda value: type(value) in (float, int) and low <= value <= high and value != inf


def nothing_or(shape: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Return a shape that also takes None."""
    return lambda value: value is None or shape(value)


def set_aside(folder: Folder, name: str, fault: str) -> None:
    """Rename a damaged file so that nothing reads it any more, and warn; nothing is deleted.

    Args:
        folder: Its folder.
        name: Its name.
        fault: The reason, in words.
    """
    try:
        content = folder.read(name)
        kept = f"{name}.damaged-{sha256(content).hexdigest()[:8]}"
        folder.write(kept, content)
        folder.delete(name)
    except FileNotFoundError:  # another process was faster
        return
    except StorageError as error:
        _logger.warning("%s/%s is damaged (%s) and passed over; it cannot be set aside: %s", folder, name, fault, error)
    else:
        _logger.warning("%s/%s is damaged (%s) and set aside as %s", folder, name, fault, kept)


def _misfit_of_fields(value: Mapping[str, Any], shape: Mapping[Any, Any]) -> str:
    if str in shape:
        fields = dict.fromkeys(value, shape[str])
    else:
        fields = {name.removesuffix("?"): part for name, part in shape.items()}
        missing = [name for name in shape if not name.endswith("?") and name not in value]
        if missing:
            return f"{missing[0]} is missing"
        if value.keys() - fields.keys():
            return f"{sorted(value.keys() - fields.keys())[0]!r:.80} is no field of it"
    faults = ((name, misfit(part, fields[name])) for name, part in value.items())
    return next((f"{name:.80}: {fault}" for name, fault in faults if fault), "")


def _is_plain(value: object, kind: type) -> bool:
    if type(value) is int:
        return (kind is int and 0 <= value < 2**63) or (kind is float and abs(value) < 2**53)
    if type(value) is str and kind is str:
        return value.isascii() or value == value.encode(errors="ignore").decode()
    return type(value) is kind


def _checksum(text: bytes) -> bytes:
    return sha256(text).hexdigest()[:CHECKSUM_LENGTH].encode()
