"""A line of the journal: an event as JSON, with the number of its format and, last, a checksum of all before it."""

from collections.abc import Mapping
from typing import Any

from ftlab.storage.sealed_json import DamagedError, Seal, Shape, check_seal, misfit, number_within, read_sealed, sealed
from ftlab.tracking.records import TrialStatus

__all__ = ["FORMAT", "Seal", "check_seal", "journal_line", "read_line"]

FORMAT = 1  # Raise it when the meaning of a line changes; a reader refuses a number that it does not know.
MAX_TIME = 1e11  # the year 5138; a store keeps times as milliseconds

_TEXTS = {str: str}


_time = number_within(0, MAX_TIME)


def _status(value: object) -> bool:
    return isinstance(value, str) and value in {*TrialStatus}


# The fields of the records, beside ``event`` itself; lines of before lack some.
_SHAPES: Mapping[str, dict[str, Shape]] = {
    "trial": {
        "trial": {
            "trial_key": str,
            "cell_key": str,
            "seed": int,
            "study": str,
            "name": str,
            "params": _TEXTS,
            "tags?": _TEXTS,
        }
    },
    "epochs": {
        "epochs": [
            {
                "epoch": int,
                "timestamp": _time,
                "metrics": {str: float},
                "histograms?": {str: [int]},
                "steps?": {str: [float]},
                "gradient_norms?": {str: float},
                "right?": {str: [int]},
                "edges?": {str: [float]},
            }
        ]
    },
    "outcome": {"outcome": {"status": _status, "reason": str, "tags?": _TEXTS}},
}


def journal_line(event: Mapping[str, Any]) -> bytes:
    """Return an event as a line, without its end.

    Floats are read back bit for bit, NaN and infinities too.

    Args:
        event: The event, in JSON's types.

    >>> line = journal_line({"event": "outcome"})
    >>> check_seal(line), check_seal(line.replace(b"outcome", b"income")), check_seal(b'{"event":"outcome"}')
    (<Seal.INTACT: 1>, <Seal.BROKEN: 2>, <Seal.ABSENT: 3>)
    """
    return sealed({**event, "format": FORMAT})


def read_line(line: bytes) -> tuple[dict[str, Any], bool]:
    """Return the event of a line of this home's journal, and whether the line has a checksum.

    Args:
        line: The line without its end.

    Raises:
        DamagedError: It was damaged or altered, has another shape, or a format that this version does not know.
    """
    event, is_checked = read_sealed(line, dict)
    number = event.pop("format", None)
    if number != (FORMAT if is_checked else None):
        raise DamagedError("its checksum is missing" if number == FORMAT else f"its format is {str(number)[:80]}")
    shape = _SHAPES.get(str(event.get("event")))
    if shape is None:
        raise DamagedError("it is no event of a trial")
    if fault := misfit(event, {"event": str, "time?": _time, **shape}):
        raise DamagedError(fault)
    return event, is_checked
