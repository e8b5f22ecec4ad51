"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum

from ftlab.credentials import without_credentials


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True)
class Finding:
    """What a check found; made by the functions below, it holds no credentials.

    Attributes:
        level: How bad it is.
        message: What is there.
        fix: What to do about it, as a command where one does it; empty where all is well.
    """

    level: Level
    message: str
    fix: str = ""


def good(message: str) -> Finding:
    """Return the finding that all is well."""
    return _finding(Level.OK, message)


def warning(message: str, fix: str) -> Finding:
    """Return the finding of something that may cost time or differ, and stops nothing."""
    return _finding(Level.WARNING, message, fix)


def fault(message: str, fix: str) -> Finding:
    """Return the finding of something that stops a sweep."""
    return _finding(Level.FAULT, message, fix)


def _finding(level: Level, message: str, fix: str = "") -> Finding:
    return Finding(level, without_credentials(message), without_credentials(fix))
