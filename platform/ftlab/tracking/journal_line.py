"""A line of the journal: an event as JSON, with the number of its format and, last, a checksum of all before it."""

import json
import re
from collections.abc import Mapping
from enum import Enum, auto
from hashlib import sha256
from typing import Any

FORMAT = 1  # Raise it when the meaning of a line changes; a reader refuses a number that it does not know.

CHECKSUM_LENGTH = 16
_SEAL = re.compile(rb',"checksum":"([0-9a-f]{%d})"\}' % CHECKSUM_LENGTH)
_SEAL_LENGTH = len(',"checksum":""}') + CHECKSUM_LENGTH


class Seal(Enum):
    """The result of checking a line's checksum."""

    INTACT = auto()
    BROKEN = auto()
    ABSENT = auto()  # written before lines had a checksum, or cut off


def journal_line(event: Mapping[str, Any]) -> bytes:
    """Return an event as a line, without its end.

    Floats are read back bit for bit, NaN and infinities too.

    Args:
        event: The event, in JSON's types.
    """
    text = json.dumps({**event, "format": FORMAT}, separators=(",", ":")).encode()
    return text[:-1] + b',"checksum":"%s"}' % _checksum(text)


def check_seal(line: bytes) -> Seal:
    """Return the result of checking a line's checksum.

    The checksum is taken off as text, so that no other spelling of the same JSON can be meant.

    Args:
        line: The line without its end; it need not be JSON.

    >>> line = journal_line({"event": "outcome"})
    >>> check_seal(line), check_seal(line.replace(b"outcome", b"income")), check_seal(b'{"event":"outcome"}')
    (<Seal.INTACT: 1>, <Seal.BROKEN: 2>, <Seal.ABSENT: 3>)
    """
    seal = _SEAL.fullmatch(line[-_SEAL_LENGTH:])
    if seal is None:
        return Seal.ABSENT
    return Seal.INTACT if seal[1] == _checksum(line[:-_SEAL_LENGTH] + b"}") else Seal.BROKEN


def _checksum(text: bytes) -> bytes:
    return sha256(text).hexdigest()[:CHECKSUM_LENGTH].encode()
