"""Backbones that are kept: the weights of a trained encoder with the history of its pretraining, a file each.

torch and safetensors are imported at use, so that a driver can list backbones without waiting for them.
"""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from ftlab.errors import CheckpointError
from ftlab.storage.folder import Folder
from ftlab.storage.sealed_json import Shape, misfit, set_aside
from ftlab.training.epoch_result import EpochResult

if TYPE_CHECKING:
    from torch import Tensor

SUFFIX = ".safetensors"
METADATA = "ftlab"
FORMAT = 1  # Raise it when the meaning of a file changes; a reader refuses a number that it does not know.
DIGEST_LENGTH = 32
# Of a history, unpacked: a file of a kilobyte can claim any size.
MAX_HISTORY = 2**30

_SHAPE: Shape = {
    "format": lambda value: value == FORMAT,
    "trial": str,
    "evaluations": {str: str},
    "history": str,
}


@dataclass(frozen=True)
class KeptBackbone:
    """A trained encoder and the history of its pretraining.

    Attributes:
        encoder: Its state by name, the projection head's among it, on the CPU; floats are float32.
        history: Results of all epochs of the trial that it was kept of.
        trial_key: Key of that trial.
        evaluations: Keys of the evaluations whose results the last epoch holds, by probe.
    """

    encoder: Mapping[str, "Tensor"]
    history: Sequence[EpochResult]
    trial_key: str
    evaluations: Mapping[str, str]


class BackboneStore:
    """Kept backbones in a folder, by the key of their pretraining.

    A file is named by that key and by the digest of its own content, and is in the format of safetensors, which holds
    no code; the history is in its metadata.

    Args:
        folder: On a disk or in an object store.

    Raises:
        StorageError: By every method, where the folder cannot be reached.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    def save(self, key: str, kept: KeptBackbone) -> str:
        """Write a backbone, whole or not at all, in place of an earlier one of the key; return its digest."""
        content = encode_backbone(kept)
        digest = sha256(content).hexdigest()[:DIGEST_LENGTH]
        name = f"{key}-{digest}{SUFFIX}"
        self.folder.write(name, content)
        for earlier in set(self._names(key)) - {name}:
            self.folder.delete(earlier)
        return digest

    def load(self, key: str) -> tuple[KeptBackbone, str] | None:
        """Return the backbone of a pretraining, and its digest; None if there is none.

        Raises:
            CheckpointError: Its content does not match its digest, or is none of ours; the file was set aside.
        """
        for name in self._names(key):
            with suppress(FileNotFoundError):  # another process made room, or was faster
                return self._read(name), digest_of(name)
        return None

    def keys(self) -> set[str]:
        """Return the keys of the pretrainings whose backbones are there; only `load` verifies their digests."""
        return {key_of(name) for name in self.folder.names() if name.endswith(SUFFIX)}

    def _read(self, name: str) -> KeptBackbone:
        content = self.folder.read(name)
        try:
            return decode_backbone(_undamaged(content, digest_of(name)))
        except (ValueError, TypeError, LookupError, zlib.error, RecursionError) as error:
            set_aside(self.folder, name, str(error))
            raise CheckpointError(f"backbone {self.folder}/{name} must be as it was kept, but {error}.") from error

    def _names(self, key: str) -> list[str]:
        return [name for name in self.folder.names() if name.startswith(f"{key}-") and name.endswith(SUFFIX)]


def _undamaged(content: bytes, digest: str) -> bytes:
    if sha256(content).hexdigest()[:DIGEST_LENGTH] != digest:
        raise ValueError("it is truncated or altered")
    return content


def key_of(name: str) -> str:
    """Return the key of the pretraining from the name of a file that is named by it, a checkpoint's too.

    >>> key_of("0a1b-2c3d.safetensors"), key_of("0a1b.ckpt")
    ('0a1b', '0a1b')
    """
    return name.partition(".")[0].partition("-")[0]


def digest_of(name: str) -> str:
    """Return the digest of the content from the name of a file."""
    return name.removesuffix(SUFFIX).partition("-")[2]


def encode_backbone(kept: KeptBackbone) -> bytes:
    """Return a backbone as the content of a file; the same one always has the same bytes."""
    from safetensors.torch import save

    tensors = {
        name: (value.float() if value.is_floating_point() else value).detach().cpu().contiguous()
        for name, value in kept.encoder.items()
    }
    history = json.dumps([vars(result) for result in kept.history]).encode()
    facts = {
        "format": FORMAT,
        "trial": kept.trial_key,
        "evaluations": dict(kept.evaluations),
        "history": b64encode(zlib.compress(history)).decode(),
    }
    # One entry, because safetensors writes several in a random order.
    return bytes(save(tensors, {METADATA: json.dumps(facts, sort_keys=True)}))


def decode_backbone(content: bytes) -> KeptBackbone:
    """Return the backbone of a file's content.

    Raises:
        ValueError: It is none that `encode_backbone` wrote; also a `TypeError`, `LookupError` or `zlib.error`.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(content)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    header = content[8 : 8 + int.from_bytes(content[:8], "little")]
    facts = json.loads(json.loads(header)["__metadata__"][METADATA])
    if fault := misfit(facts, _SHAPE):
        raise ValueError(fault)
    history = zlib.decompressobj().decompress(b64decode(facts["history"], validate=True), MAX_HISTORY)
    return KeptBackbone(
        encoder=tensors,
        history=[EpochResult(**fields) for fields in json.loads(history)],
        trial_key=facts["trial"],
        evaluations=facts["evaluations"],
    )
