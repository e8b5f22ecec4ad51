"""Files that are named by a key and by the digest of their content, so that damage shows when they are read."""

import zlib
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import TypeVar

from ftlab.storage.folder import Folder
from ftlab.storage.sealed_json import DamagedError, set_aside

DIGEST_LENGTH = 32

T = TypeVar("T")


class DigestFiles:
    """Files of one kind in a folder, at most one for each key.

    Args:
        folder: On a disk or in an object store.
        suffix: End of the names of this kind's files.

    Raises:
        StorageError: By every method, where the folder cannot be reached.
    """

    def __init__(self, folder: Folder, suffix: str) -> None:
        self.folder = folder
        self._suffix = suffix

    def save(self, key: str, content: bytes) -> str:
        """Write a file, whole or not at all, in place of an earlier one of the key; return its digest."""
        digest = _digest(content)
        name = f"{key}-{digest}{self._suffix}"
        self.folder.write(name, content)
        for earlier in set(self._names(key)) - {name}:
            self.folder.delete(earlier)
        return digest

    def load(self, key: str, decode: Callable[[bytes], T]) -> tuple[T, str] | None:
        """Return what the file of a key holds, and its digest; None if there is none.

        Args:
            key: The key.
            decode: Reads the content; what it raises means that the content is none of ours.

        Raises:
            DamagedError: The content does not match its digest, or cannot be decoded; the file was set aside.
        """
        for name in self._names(key):
            with suppress(FileNotFoundError):  # another process made room, or was faster
                return self._read(name, decode), digest_of(name)
        return None

    def keys(self) -> set[str]:
        """Return the keys of the files that are there; only `load` verifies their digests."""
        return {key_of(name) for name in self.folder.names() if name.endswith(self._suffix)}

    def _read(self, name: str, decode: Callable[[bytes], T]) -> T:
        content = self.folder.read(name)
        try:
            return decode(_undamaged(content, digest_of(name)))
        except (ValueError, TypeError, LookupError, RecursionError, zlib.error) as error:
            set_aside(self.folder, name, str(error))
            raise DamagedError(f"{self.folder}/{name} must be as it was kept, but {error}.") from error

    def _names(self, key: str) -> list[str]:
        return [name for name in self.folder.names() if name.startswith(f"{key}-") and name.endswith(self._suffix)]


def key_of(name: str) -> str:
    """Return the key from the name of a file that is named by it, a checkpoint's too.

    >>> key_of("0a1b-2c3d.safetensors"), key_of("0a1b.ckpt")
    ('0a1b', '0a1b')
    """
    return name.partition(".")[0].partition("-")[0]


def digest_of(name: str) -> str:
    """Return the digest of the content from the name of a file.

    >>> digest_of("0a1b-2c3d.safetensors")
    '2c3d'
    """
    return name.partition(".")[0].partition("-")[2]


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:DIGEST_LENGTH]


def _undamaged(content: bytes, digest: str) -> bytes:
    if _digest(content) != digest:
        raise ValueError("it is truncated or altered")
    return content
