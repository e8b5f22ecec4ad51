"""Content-addressed checkpoints: written whole or not at all, sealed with a checksum, loaded without pickled code.

torch is imported at use, so that a driver can list checkpoints without waiting for it.
"""

import io
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ftlab.errors import CheckpointError, StorageError
from ftlab.storage.folder import Folder
from ftlab.training.plain_tensors import load_plain

if TYPE_CHECKING:
    import torch

SUFFIX = ".ckpt"


class CheckpointStore:
    """Checkpoints by name in a folder; a name is the digest of everything that decides its content.

    A file holds the SHA-256 of the payload (32 bytes) and the payload, a `torch.save` archive of tensors and plain
    values. Saving under a name that exists replaces it by the same content.

    Args:
        folder: On a disk or in an object store.

    Raises:
        StorageError: By every method but `save`, where the folder cannot be reached.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Write a checkpoint so that after a crash it is there whole or not at all.

        Raises:
            CheckpointError: The disk is full, or the folder cannot be reached or written.
        """
        import torch

        buffer = io.BytesIO()
        torch.save(state, buffer)
        payload = buffer.getvalue()
        try:
            self.folder.write(f"{name}{SUFFIX}", sha256(payload).digest() + payload)
        except StorageError as error:
            raise CheckpointError(f"checkpoint {name} could not be written to {self.folder}: {error}") from error

    def load(self, name: str, device: "torch.device | str") -> dict[str, Any]:
        """Read a checkpoint onto ``device``.

        Raises:
            CheckpointError: It is missing, its content does not match its checksum, or it holds pickled code. If it
                cannot be reached, a `StorageError` is raised instead: it may be whole and must not be deleted.
        """
        path = f"{self.folder}/{name}{SUFFIX}"
        try:
            content = self.folder.read(f"{name}{SUFFIX}")
        except FileNotFoundError as error:
            raise CheckpointError(f"checkpoint {path} must be there, but is missing.") from error
        if sha256(content[32:]).digest() != content[:32]:
            raise CheckpointError(f"checkpoint {path} must match its checksum, but is truncated or altered.")
        try:
            state: dict[str, Any] = load_plain(io.BytesIO(content[32:]), device)
        except ValueError as error:
            raise CheckpointError(f"checkpoint {path} must hold tensors and plain values alone: {error}") from error
        return state

    def exists(self, name: str) -> bool:
        """Return whether a checkpoint of that name is there; only `load` verifies its checksum."""
        return self.folder.exists(f"{name}{SUFFIX}")

    def names(self) -> Iterator[str]:
        """Yield the names of all checkpoints, by one listing of the folder."""
        return (file.removesuffix(SUFFIX) for file in self.folder.names() if file.endswith(SUFFIX))

    def delete(self, names: Iterable[str]) -> None:
        """Delete checkpoints; a missing one is no error."""
        for name in names:
            self.folder.delete(f"{name}{SUFFIX}")
