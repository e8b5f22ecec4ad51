"""A folder on a disk of this machine or on a network file system."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ftlab.errors import StorageError
from ftlab.storage.folder import ABANDONED_AFTER_SECONDS, WRITING_PREFIX, Entry
from ftlab.storage.plain_file import read_plain


@dataclass(frozen=True)
class LocalFolder:
    """A `Folder` on a file system; a file is written beside its place, forced to the disk and renamed.

    Attributes:
        path: Created with the first file.
    """

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        try:
            return read_plain(self.path / name)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _refusal(self.path / name, error) from error

    def write(self, name: str, content: bytes) -> None:
        """Create or replace a file, and return when the disk has it."""
        with _naming(self.path / name):
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self.path, prefix=WRITING_PREFIX)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).replace(self.path / name)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise

    def exists(self, name: str) -> bool:
        """Return whether a file is there."""
        with _naming(self.path / name):
            return (self.path / name).is_file()

    def names(self) -> list[str]:
        """Return the names of all finished files."""
        return [name for name in self._files() if not name.startswith(WRITING_PREFIX)]

    def entries(self) -> list[Entry]:
        """Return all finished files; one that is deleted meanwhile is left out."""
        found = []
        for name in self.names():
            with _naming(self.path / name), suppress(FileNotFoundError):
                facts = (self.path / name).stat()
                found.append(Entry(name, facts.st_size, facts.st_mtime))
        return found

    def delete(self, name: str) -> None:
        """Delete a file; a missing one is no error."""
        with _naming(self.path / name):
            (self.path / name).unlink(missing_ok=True)

    def delete_abandoned(self) -> int:
        """Delete the unfinished files of killed writers."""
        unfinished = [name for name in self._files() if name.startswith(WRITING_PREFIX)]
        abandoned = [name for name in unfinished if _is_abandoned(self.path / name)]
        for name in abandoned:
            self.delete(name)
        return len(abandoned)

    def _files(self) -> list[str]:
        with _naming(self.path), suppress(FileNotFoundError), os.scandir(self.path) as entries:
            return [entry.name for entry in entries if entry.is_file()]
        return []


def _is_abandoned(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > ABANDONED_AFTER_SECONDS
    except FileNotFoundError:  # finished or given up in this moment
        return False


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _refusal(path, error) from error


def _refusal(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path} must be readable and writable, but is not: {error.strerror or error}.")
