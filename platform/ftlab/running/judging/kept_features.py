"""Features of kept backbones, kept beside them, so that a further evaluation on the same images needs no encoder."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from fcntl import LOCK_EX, lockf
from functools import partial
from hashlib import sha256

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from ftlab.config.home import Home
from ftlab.config.trial import TrialConfig
from ftlab.errors import StorageError
from ftlab.running.kept_backbones import FEATURES_SUFFIX, KeptBackbones, backbones_folder
from ftlab.storage.digest_files import DigestFiles
from ftlab.storage.plain_file import open_lock
from ftlab.storage.sealed_json import DamagedError
from ftlab.study.identity import EVALUATION_VERSION, KEY_LENGTH
from ftlab.training.evaluation.features import Features

Extract = Callable[[], Features]

# More are computed each time: a file is written from one piece of memory.
MAX_BYTES = 2 * 2**30
# Each key has a byte of the lock file, at the first 60 bits of the key, as with claims on trials.
_KEY_DIGITS = 15


def feature_key(
    backbone: str, config: TrialConfig, fingerprint: str, device: torch.device, adapted_to: str = ""
) -> str:
    """Return the digest of everything that decides the bits of features.

    Args:
        backbone: Digest of the backbone's file.
        config: A trial with the data, the size of views and the resizing of images.
        fingerprint: Digest of the data's content.
        device: Device that computes them.
        adapted_to: Mean and deviation of each channel of images that are adapted to the backbone; else empty.
    """
    facts = {
        "backbone": backbone,
        "data": fingerprint,
        "adapted_to": adapted_to,
        "view_size": config.view_size,
        "resize": config.probe.resize,
        "channels_last": config.train.channels_last,
        "evaluation": EVALUATION_VERSION,
        "device": device.type,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:KEY_LENGTH]


class KeptFeatures:
    """Features by `feature_key`, in files that count to the budget of backbones and go before any of these.

    Args:
        home: Home of the kept backbones.
        device: Device of the features.
    """

    def __init__(self, home: Home, device: torch.device) -> None:
        self._home = home
        self._device = device
        self._files = DigestFiles(backbones_folder(home), FEATURES_SUFFIX)

    def get(self, key: str, extract: Extract) -> Features:
        """Return features, computed only if no process of this machine has computed them; it waits for one that does.

        A damaged file is set aside with a warning, and made again. Where there is no room nothing is kept.

        Args:
            key: Their `feature_key`.
            extract: Computes them.
        """
        with self._alone(key):
            if (found := self._load(key)) is not None:
                return found
            features = extract()
            self._save(key, features)
            return features

    def _load(self, key: str) -> Features | None:
        try:
            found = self._files.load(key, partial(_decode, device=self._device))
        except (DamagedError, StorageError):
            return None
        return found[0] if found else None

    def _save(self, key: str, features: Features) -> None:
        tensors = (features.train, features.train_labels, features.test, features.test_labels)
        size = sum(tensor.nbytes for tensor in tensors)
        if size > MAX_BYTES:
            return
        try:
            if KeptBackbones(self._home).make_room_for_features(size):
                self._files.save(key, _encode(features))
        except StorageError:  # it costs time, never a result
            return

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        folder = self._home / "locks"
        with ExitStack() as stack:
            with suppress(OSError):  # of a full disk: others may compute the same
                folder.mkdir(parents=True, exist_ok=True)
                lock = stack.enter_context(open_lock(folder / "features.lock"))
                lockf(lock, LOCK_EX, 1, int(key[:_KEY_DIGITS], 16))
            yield


def _encode(features: Features) -> bytes:
    tensors = {name: torch.as_tensor(value).cpu().contiguous() for name, value in vars(features).items()}
    return bytes(save(tensors))


def _decode(content: bytes, device: torch.device) -> Features:
    try:
        found = load(content)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    num_classes = int(found.pop("num_classes"))
    return Features(**{name: value.to(device) for name, value in found.items()}, num_classes=num_classes)
