"""Errors a user can act on: each states the rule, then the value, then the nearest valid choice."""

import errno
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from ftlab.credentials import without_credentials

FREE_SPACE = "Free some space and run the same command again: everything recorded so far is kept."


class FtlabError(Exception):
    """Base of every error that a user's input or environment can cause; its message holds no credentials.

    Args:
        message: The rule, the value, the nearest valid choice; passwords in addresses are left out.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(without_credentials(message))


class ConfigError(FtlabError):
    """A setting is unknown, out of its range, or contradicts another."""


class DataError(FtlabError):
    """A data set is missing, unreadable or unfit for the requested training."""


class CheckpointError(FtlabError):
    """A checkpoint is missing, truncated or does not match its checksum."""


class StorageError(FtlabError):
    """A folder or an object store cannot be reached, is full or refuses access; the files in it may be intact."""


class TrackingError(FtlabError):
    """The tracking store cannot be reached or refuses a record."""


class ArtifactError(TrackingError):
    """The tracking store takes records, but the place where it keeps files refuses one."""


class ResultsError(FtlabError):
    """A folder of results is incomplete, was edited, belongs to something else, or cannot be written."""


class NonFiniteLossError(FtlabError):
    """The training loss became NaN or infinite; the same trial would fail in the same way again."""


def is_disk_full(error: OSError) -> bool:
    """Return whether a disk or a quota is used up.

    >>> is_disk_full(OSError(errno.ENOSPC, "No space left on device"))
    True
    """
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def listed(names: Sequence[str], at_most: int, separator: str = ", ") -> str:
    """Return the first of some names in a line, with the number of the others.

    >>> listed(["a", "b", "c"], 2), listed(["a", "b"], 2)
    ('a, b and 1 more', 'a, b')
    """
    more = len(names) - at_most
    return separator.join(names[:at_most]) + (f" and {more} more" if more > 0 else "")


def nearest(name: str, choices: Iterable[str]) -> str:
    """Return a hint that names the closest valid choices, to be appended to an error message.

    Args:
        name: The name that the user wrote.
        choices: Every valid spelling.

    Returns:
        ``" Did you mean 'x'?"`` followed by the full list of choices.

    >>> nearest("momentun", ["momentum", "queue"])
    " Did you mean 'momentum'? Choices: momentum, queue."
    """
    known = sorted(choices)
    matches = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {matches[0]!r}?" if matches else ""
    return f"{hint} Choices: {', '.join(known) or 'none'}."
