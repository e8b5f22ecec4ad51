"""A decoded data set as it lies in the cache: memory-mapped images, labels and facts about them."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ftlab.data.cache.array_file import digest_array, open_array
from ftlab.data.cache.content_check import SPLITS, check_content
from ftlab.data.cache.photos import Photos, starts_of
from ftlab.data.cache.split_writer import ChannelHistogram
from ftlab.data.sets.reader import Int64Array, UInt8Array
from ftlab.errors import StorageError
from ftlab.storage.local import LocalFolder
from ftlab.storage.plain_file import read_plain
from ftlab.storage.sealed_json import DamagedError, Shape, read_sealed, sealed

META_FILE = "meta.json"
_ROWS = 4096  # images that are measured at a time

_META: Shape = {
    "class_names": [str],
    "channel_mean": [float],
    "channel_std": [float],
    "train_shape": [int],
    "test_shape": [int],
    "train_label_counts": [int],
    "test_label_counts": [int],
    "digests?": {str: str},
}

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """Images of both splits, decoded: squares of one size, or photographs of several sizes.

    Attributes:
        name: Name of the source, such as ``digits``.
        fingerprint: 32 hexadecimal digits of the SHA-256 of images, labels and class names.
        class_names: Label i means ``class_names[i]``.
        train_images: (N, channels, S, S) uint8, memory-mapped and read-only; or N photographs.
        train_labels: (L,) int64 of the first L training images, read-only. The others have none: the pretraining sees
            them, the probes do not.
        test_images: (M, channels, S, S) uint8, memory-mapped and read-only; or M photographs.
        test_labels: (M,) int64, read-only.
        channel_mean: Mean of each channel over the training images, scaled to [0, 1].
        channel_std: Population deviation of each channel over the training images, at least 1/255.
        skipped: Files that were left out because they could not be decoded, each with the reason.
        left_out: Numbers of files that are no images by their names, in words; empty if there are none.
    """

    name: str
    fingerprint: str
    class_names: tuple[str, ...]
    train_images: UInt8Array | Photos
    train_labels: Int64Array
    test_images: UInt8Array | Photos
    test_labels: Int64Array
    channel_mean: tuple[float, ...]
    channel_std: tuple[float, ...]
    skipped: tuple[str, ...]
    left_out: str = ""

    @property
    def skipped_of_all(self) -> str:
        """Number of files that were left out because they could not be decoded, of all; empty if there are none."""
        num_files = len(self.skipped) + len(self.train_images) + len(self.test_images)
        return f"{len(self.skipped)} of {num_files}" if self.skipped else ""

    @property
    def num_labelled(self) -> int:
        """Number L of training images that the probes may use."""
        return len(self.train_labels)

    @property
    def num_channels(self) -> int:
        """Number of channels: 1 for grayscale, 3 for RGB."""
        images = self.train_images
        return images.num_channels if isinstance(images, Photos) else int(images.shape[1])

    @property
    def nbytes(self) -> int:
        """Size of all images."""
        return self.train_images.nbytes + self.test_images.nbytes

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)


def open_image_dataset(folder: Path, name: str, skipped: tuple[str, ...]) -> ImageDataset | None:
    """Open a folder of the cache, after `check_content` found in it what it is named by.

    Args:
        folder: ``home/cache/<fingerprint>``.
        name: Name of the source.
        skipped: Files of the source that were left out.

    Returns:
        The data set, or None if the folder is missing, incomplete or damaged; a warning names the damaged piece.
    """
    try:
        return _open(folder, name, skipped)
    except (OSError, ValueError, DamagedError) as error:  # whatever is wrong with a cached folder, it is decoded again
        if folder.is_dir():
            _warn_once(f"{folder} is damaged ({error}); its images are decoded again")
        return None


def _open(folder: Path, name: str, skipped: tuple[str, ...]) -> ImageDataset:
    meta = _read_meta(folder)
    if "digests" not in meta and any(len(meta[f"{split}_shape"]) == 2 for split in SPLITS):
        raise DamagedError(f"{META_FILE}: its digests are missing")
    arrays: dict[str, Any] = {}
    images: dict[str, UInt8Array | Photos] = {}
    for split in SPLITS:
        images[split], files = _open_images(folder, split, tuple(meta[f"{split}_shape"]))
        labels = open_array(folder / f"{split}_labels.npy", np.int64, (sum(meta[f"{split}_label_counts"]),))
        arrays |= {**files, f"{split}_labels.npy": labels}
    check_content(folder, meta["class_names"], arrays, meta.get("digests", {}))
    if "digests" not in meta:
        meta = _completed(folder, meta, arrays)
    return ImageDataset(
        name=name,
        fingerprint=folder.name,
        class_names=tuple(meta["class_names"]),
        train_images=images["train"],
        train_labels=_in_memory(arrays["train_labels.npy"]),
        test_images=images["test"],
        test_labels=_in_memory(arrays["test_labels.npy"]),
        channel_mean=tuple(meta["channel_mean"]),
        channel_std=tuple(meta["channel_std"]),
        skipped=skipped,
    )


def _open_images(folder: Path, split: str, shape: tuple[int, ...]) -> tuple[UInt8Array | Photos, dict[str, Any]]:
    """Return the images of a split, and the arrays that they lie in by the names of their files."""
    path = folder / f"{split}_images.npy"
    if len(shape) != 2:
        squares = open_array(path, np.uint8, shape)
        return squares, {path.name: squares}
    num_images, num_channels = shape
    sizes = open_array(folder / f"{split}_sizes.npy", np.int64, (num_images, 2))
    try:
        starts, num_bytes = starts_of(sizes, num_channels)
        pixels = open_array(path, np.uint8, (num_bytes,))
    except ValueError as error:
        raise ValueError(f"{error}, by {split}_sizes.npy") from error
    return Photos(pixels, _in_memory(sizes), starts, num_channels), {path.name: pixels, f"{split}_sizes.npy": sizes}


def _read_meta(folder: Path) -> dict[str, Any]:
    try:
        meta, is_checked = read_sealed(read_plain(folder / META_FILE), _META)
    except DamagedError as error:
        raise DamagedError(f"{META_FILE}: {error}") from error
    if is_checked != ("digests" in meta):
        raise DamagedError(f"{META_FILE}: its checksum is missing")
    return meta


def _completed(folder: Path, meta: dict[str, Any], arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of a folder of before, where only the arrays could be checked, and write it down."""
    images, histogram = arrays["train_images.npy"], ChannelHistogram()
    for start in range(0, len(images), _ROWS):
        histogram.add(images[start : start + _ROWS])
    mean, std = histogram.mean_and_std()
    digests = {name: digest_array(array) for name, array in arrays.items()}
    meta = {**meta, "channel_mean": mean, "channel_std": std, "digests": digests}
    with suppress(StorageError):
        LocalFolder(folder).write(META_FILE, sealed(meta))
    return meta


def _in_memory(numbers: Int64Array) -> Int64Array:
    numbers = np.array(numbers)
    numbers.setflags(write=False)
    return numbers


@cache
def _warn_once(message: str) -> None:
    _logger.warning("%s", message)
