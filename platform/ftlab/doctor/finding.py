"""The finding of a check."""

from dataclasses import dataclass
from enum import StrEnum

from ftlab.credentials import without_credentials


class Level(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True)
class Finding:
    """The result of a check, without credentials; made by the functions below.

    Attributes:
        level: Its severity.
        message: The state that was found.
        fix: The remedy, as a command if there is one; empty if all is well.
    """

    level: Level
    message: str
    fix: str = ""


def good(message: str) -> Finding:
    """Return the finding that all is well."""
    return _finding(Level.OK, message)


def warning(message: str, fix: str) -> Finding:
    """Return a warning of something that may cost time or change numbers, but stops no sweep."""
    return _finding(Level.WARNING, message, fix)


def fault(message: str, fix: str) -> Finding:
    """Return a fault: something that stops a sweep."""
    return _finding(Level.FAULT, message, fix)


def _finding(level: Level, message: str, fix: str = "") -> Finding:
    return Finding(level, without_credentials(message), without_credentials(fix))
