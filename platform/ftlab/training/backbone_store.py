"""Backbones that are kept: the weights of a trained encoder with the history of its pretraining, a file each.

torch and safetensors are imported at use, so that a driver can list backbones without waiting for them.
"""

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ftlab.errors import CheckpointError
from ftlab.storage.digest_files import DigestFiles
from ftlab.storage.folder import Folder
from ftlab.storage.sealed_json import DamagedError, Shape, misfit
from ftlab.training.epoch_result import EpochResult

if TYPE_CHECKING:
    from torch import Tensor

SUFFIX = ".safetensors"
METADATA = "ftlab"
FORMAT = 1  # Raise it when the meaning of a file changes; a reader refuses a number that it does not know.
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
        self._files = DigestFiles(folder, SUFFIX)

    def save(self, key: str, kept: KeptBackbone) -> str:
        """Write a backbone, whole or not at all, in place of an earlier one of the key; return its digest."""
        return self._files.save(key, encode_backbone(kept))

    def load(self, key: str) -> tuple[KeptBackbone, str] | None:
        """Return the backbone of a pretraining, and its digest; None if there is none.

        Raises:
            CheckpointError: Its content does not match its digest, or is none of ours; the file was set aside.
        """
        try:
            return self._files.load(key, decode_backbone)
        except DamagedError as error:
            raise CheckpointError(f"backbone {error}") from error

    def keys(self) -> set[str]:
        """Return the keys of the pretrainings whose backbones are there; only `load` verifies their digests."""
        return self._files.keys()


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
