"""A decoded data set as it lies in the cache: memory-mapped images, labels and facts about them."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ftlab.data.sets.reader import Int64Array, UInt8Array

META_FILE = "meta.json"


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """Images of both splits, decoded, square and of one size.

    Attributes:
        name: Name of the source, such as ``digits``.
        fingerprint: 32 hexadecimal digits of the SHA-256 of images, labels and class names.
        class_names: Label i means ``class_names[i]``.
        train_images: (N, channels, S, S) uint8, memory-mapped and read-only.
        train_labels: (L,) int64 of the first L training images, read-only. The others have none: the pretraining sees
            them, the probes do not.
        test_images: (M, channels, S, S) uint8, memory-mapped and read-only.
        test_labels: (M,) int64, read-only.
        channel_mean: Mean of each channel over the training images, scaled to [0, 1].
        channel_std: Population deviation of each channel over the training images, at least 1/255.
        skipped: Files that were left out because they could not be decoded, each with the reason.
        left_out: Numbers of files that are no images by their names, in words; empty if there are none.
    """

    name: str
    fingerprint: str
    class_names: tuple[str, ...]
    train_images: UInt8Array
    train_labels: Int64Array
    test_images: UInt8Array
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
        return int(self.train_images.shape[1])

    @property
    def image_size(self) -> int:
        """Side S of the images, in pixels."""
        return int(self.train_images.shape[-1])

    @property
    def num_classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)


def open_image_dataset(folder: Path, name: str, skipped: tuple[str, ...]) -> ImageDataset | None:
    """Open a folder of the cache without reading its images.

    Args:
        folder: ``home/cache/<fingerprint>``.
        name: Name of the source.
        skipped: Files of the source that were left out.

    Returns:
        The data set, or None if the folder is missing or incomplete: a file is absent, truncated or of another shape.
    """
    try:
        meta = json.loads((folder / META_FILE).read_text(encoding="utf-8"))
        train_shape, test_shape = tuple(meta["train_shape"]), tuple(meta["test_shape"])
        return ImageDataset(
            name=name,
            fingerprint=folder.name,
            class_names=tuple(meta["class_names"]),
            train_images=_open_images(folder / "train_images.npy", train_shape),
            train_labels=_open_labels(folder / "train_labels.npy", sum(meta["train_label_counts"])),
            test_images=_open_images(folder / "test_images.npy", test_shape),
            test_labels=_open_labels(folder / "test_labels.npy", sum(meta["test_label_counts"])),
            channel_mean=tuple(meta["channel_mean"]),
            channel_std=tuple(meta["channel_std"]),
            skipped=skipped,
        )
    except (OSError, ValueError, KeyError, EOFError):  # whatever is wrong with a cached folder, it is decoded again
        return None


def _open_images(path: Path, shape: tuple[int, ...]) -> UInt8Array:
    images: UInt8Array = np.load(path, mmap_mode="r", allow_pickle=False)  # noqa: TID251 - numbers alone
    if images.shape != shape or images.dtype != np.uint8:
        raise ValueError(f"{path} must hold {shape} uint8, but holds {images.shape} {images.dtype}.")
    return images


def _open_labels(path: Path, num_images: int) -> Int64Array:
    labels: Int64Array = np.load(path, allow_pickle=False)  # noqa: TID251 - numbers alone
    if labels.shape != (num_images,) or labels.dtype != np.int64:
        raise ValueError(f"{path} must hold {num_images} int64, but holds {labels.shape} {labels.dtype}.")
    labels.setflags(write=False)
    return labels
