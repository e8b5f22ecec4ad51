"""Content-addressed checkpoints: written atomically, sealed with a checksum, loaded without pickled code.

torch is imported at use, so that a driver can list checkpoints without paying for it.
"""

import io
import os
import pickle
import tempfile
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ftlab.errors import CheckpointError

if TYPE_CHECKING:
    import torch

SUFFIX = ".ckpt"


class CheckpointStore:
    """A folder of checkpoints by name; a name is the digest of everything that decides its content.

    A file holds the SHA-256 of the payload (32 bytes) and the payload, a `torch.save` archive of tensors and plain
    values. Saving under a name that exists replaces it by the same content.

    Args:
        folder: Created when the first checkpoint is saved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, name: str, state: dict[str, Any]) -> None:
        """Write a checkpoint so that after a crash it is there whole or not at all.

        Raises:
            CheckpointError: The disk is full or the folder cannot be written.
        """
        import torch

        buffer = io.BytesIO()
        torch.save(state, buffer)
        payload = buffer.getvalue()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write_atomically(self._path(name), sha256(payload).digest() + payload)
        except OSError as error:
            raise CheckpointError(f"checkpoint {name} could not be written to {self.folder}: {error}") from error

    def load(self, name: str, device: "torch.device | str") -> dict[str, Any]:
        """Read a checkpoint onto ``device``.

        Raises:
            CheckpointError: The file is missing, its content does not match its checksum, or it holds pickled code.
        """
        import torch

        path = self._path(name)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise CheckpointError(f"checkpoint {path} could not be read: {error}") from error
        if sha256(content[32:]).digest() != content[:32]:
            raise CheckpointError(f"checkpoint {path} must match its checksum, but is truncated or altered.")
        try:
            state: dict[str, Any] = torch.load(io.BytesIO(content[32:]), map_location=device, weights_only=True)
        except pickle.UnpicklingError as error:
            raise CheckpointError(f"checkpoint {path} must hold tensors and plain values alone: {error}") from error
        return state

    def exists(self, name: str) -> bool:
        """Whether a checkpoint of that name lies in the folder; its checksum is verified by `load` alone."""
        return self._path(name).is_file()

    def names(self) -> Iterator[str]:
        """Yield the names of all checkpoints in the folder."""
        return (path.stem for path in self.folder.glob(f"*{SUFFIX}"))

    def delete(self, names: Iterable[str]) -> None:
        """Delete checkpoints; a missing one is no error."""
        for name in names:
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"

    def _write_atomically(self, path: Path, content: bytes) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=self.folder, prefix=".writing-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
