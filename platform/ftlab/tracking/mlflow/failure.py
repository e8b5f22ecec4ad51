"""Messages about a store that failed, each with a cure that fits."""

import re

from ftlab.tracking.tracking_uri import sqlite_path

_DAMAGED = re.compile(
    "malformed|codec can't decode|file is not a database|no such (table|column)|Can't locate revision"
    "|table .* already exists|duplicate column"  # what an interrupted migration of MLflow's leaves
)


def store_failure(rule: str, uri: str, error: Exception, otherwise: str = "") -> str:
    """Return the message about a failure of a store.

    Args:
        rule: The rule that was broken.
        uri: Address of the store.
        error: Its error.
        otherwise: The cure where the store is not a damaged SQLite file.
    """
    path = sqlite_path(uri)
    if path is not None and _DAMAGED.search(str(error)):
        otherwise = (
            f" The file is damaged: restore a backup, or move it away with mv {path} {path}.damaged; the next sweep "
            "of each study records its trials again from the journal."
        )
    return f"{rule}, but {uri} did not.{otherwise} Cause: {error}"
