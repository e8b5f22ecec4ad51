"""The contract of a folder: each file is there whole or not at all, even when its writer is killed."""

from typing import NamedTuple, Protocol

# Prefix of the names of unfinished files, which `Folder.names` never yields.
WRITING_PREFIX = ".writing-"

# Nobody writes a file for an hour without adding a byte: its writer is dead.
ABANDONED_AFTER_SECONDS = 3600.0


class Entry(NamedTuple):
    """A finished file of a folder.

    Attributes:
        name: Its name.
        size: Its bytes.
        written: Unix time in seconds at which it was written.
    """

    name: str
    size: int
    written: float


class Folder(Protocol):
    """Files by name, without folders inside; missing until the first is written.

    Raises:
        StorageError: By every method, where the disk or the store fails, is full or refuses access.
    """

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: There is no such file.
        """

    def write(self, name: str, content: bytes) -> None:
        """Create or replace a file; a reader, and whoever looks after a crash, sees the old file or the new one."""

    def exists(self, name: str) -> bool:
        """Return whether a file is there."""

    def names(self) -> list[str]:
        """Return the names of all finished files, in no order."""

    def entries(self) -> list[Entry]:
        """Return all finished files with their sizes and times, in no order, by one listing."""

    def delete(self, name: str) -> None:
        """Delete a file; a missing one is no error."""

    def delete_abandoned(self) -> int:
        """Delete the files that killed writers left unfinished an hour ago or earlier, and return their number."""
