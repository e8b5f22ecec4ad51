"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True)
class Finding:
    """What a check found.

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
    return Finding(Level.OK, message)


def warning(message: str, fix: str) -> Finding:
    """Return the finding of something that may cost time or differ, and stops nothing."""
    return Finding(Level.WARNING, message, fix)


def fault(message: str, fix: str) -> Finding:
    """Return the finding of something that stops a sweep."""
    return Finding(Level.FAULT, message, fix)
