"""A folder in an object store, or on whatever else pyarrow and fsspec can reach; pyarrow is imported at use."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from ftlab.errors import StorageError
from ftlab.storage.folder import ABANDONED_AFTER_SECONDS, WRITING_PREFIX, Entry

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

# pyarrow's names of the stores where an object appears at once and whole, when its upload is completed.
OBJECT_STORES = ("s3", "gcs", "abfs")


@dataclass(frozen=True)
class RemoteFolder:
    """A `Folder` behind a file system of pyarrow's.

    Attributes:
        files: The file system; it may be shared between threads.
        path: Bucket and prefix, or a path of the file system's own kind.
        address: Name of the folder in messages; holds no credentials.
    """

    files: "FileSystem"
    path: str
    address: str

    def __str__(self) -> str:
        return self.address

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        try:
            with self.files.open_input_stream(self._path(name)) as stream:
                content: bytes = stream.read()
                return content
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            raise self._refusal(name, error) from error

    def write(self, name: str, content: bytes) -> None:
        """Create or replace a file, and return when the store has it."""
        with self._naming(name):
            if self.files.type_name in OBJECT_STORES:
                self._upload(self._path(name), content)
                return
            self.files.create_dir(self.path)
            temporary = self._path(f"{WRITING_PREFIX}{uuid4().hex}")
            self._upload(temporary, content)
            self.files.move(temporary, self._path(name))

    def exists(self, name: str) -> bool:
        """Return whether a file is there."""
        with self._naming(name):
            return bool(self.files.get_file_info(self._path(name)).is_file)

    def names(self) -> list[str]:
        """Return the names of all finished files."""
        return [entry.name for entry in self.entries()]

    def entries(self) -> list[Entry]:
        """Return all finished files; one whose time the store does not tell counts as the oldest."""
        finished = (file for file in self._files() if not file.base_name.startswith(WRITING_PREFIX))
        return [Entry(file.base_name, file.size or 0, (file.mtime_ns or 0) / 1e9) for file in finished]

    def delete(self, name: str) -> None:
        """Delete a file; a missing one is no error."""
        with self._naming(name), suppress(FileNotFoundError):
            self.files.delete_file(self._path(name))

    def delete_abandoned(self) -> int:
        """Delete the unfinished files of killed writers; an object store shows none of them."""
        abandoned = [file for file in self._files() if _is_abandoned(file)]
        for file in abandoned:
            self.delete(file.base_name)
        return len(abandoned)

    def _upload(self, path: str, content: bytes) -> None:
        # Closing completes an upload, and a stream is closed wherever it is dropped. So the content goes in by one
        # call: nothing of ours can fail between a first and a second half.
        stream = self.files.open_output_stream(path)
        stream.write(content)
        stream.close()

    def _files(self) -> "list[FileInfo]":
        from pyarrow.fs import FileSelector

        with self._naming(""):
            found = self.files.get_file_info(FileSelector(self.path, allow_not_found=True))
        return [file for file in found if file.is_file]

    def _path(self, name: str) -> str:
        return f"{self.path}/{name}"

    @contextmanager
    def _naming(self, name: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise self._refusal(name, error) from error

    def _refusal(self, name: str, error: Exception) -> StorageError:
        return StorageError(f"{self.address}/{name} must be readable and writable, but is not: {error}")


def _is_abandoned(file: "FileInfo") -> bool:
    if not file.base_name.startswith(WRITING_PREFIX) or file.mtime_ns is None:
        return False
    return bool(time.time() - file.mtime_ns / 1e9 > ABANDONED_AFTER_SECONDS)
