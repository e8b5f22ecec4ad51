"""Stream one split of a data set to two .npy files, hashing and measuring while writing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import sqrt
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from ftlab.data.cache.array_file import array_digest, array_header
from ftlab.data.sets.reader import Chunk, UInt8Array

LOWEST_STD = 1 / 255


class ArrayWriter:
    """An .npy file that grows by appending rows, so that its length need not be known in advance.

    Attributes:
        shape: Shape of the rows written so far; empty before the first.
    """

    def __init__(self, path: Path, dtype: type[np.generic]) -> None:
        self.shape: tuple[int, ...] = ()
        self._file = path.open("wb")
        self._dtype = np.dtype(dtype)
        self._hash = sha256()

    def append(self, rows: np.ndarray[Any, Any]) -> None:
        """Append (n, ...) rows of the shape that all earlier ones had."""
        if not self.shape:
            self.shape = (0, *rows.shape[1:])
            self._write_header()
        content = np.ascontiguousarray(rows, dtype=self._dtype).data.cast("B") if rows.size else b""
        self._file.write(content)
        self._hash.update(content)
        self.shape = (self.shape[0] + rows.shape[0], *self.shape[1:])

    def digest(self) -> str:
        """Return the SHA-256 of dtype, shape and content so far."""
        return array_digest(self._dtype, self.shape, self._hash.hexdigest())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.shape and error is None:
            self._write_header()
        self._file.close()

    def _write_header(self) -> None:
        self._file.seek(0)
        self._file.write(array_header(self._dtype, self.shape))


class ChannelHistogram:
    """Exact counts of each intensity in each channel, from which mean and deviation follow."""

    def __init__(self) -> None:
        self._counts = np.zeros((0, 256), dtype=np.int64)

    def add(self, images: UInt8Array) -> None:
        """Count the pixels of (n, channels, S, S) images."""
        counts = [np.bincount(images[:, channel].ravel(), minlength=256) for channel in range(images.shape[1])]
        self._counts = np.stack(counts) + (self._counts if len(self._counts) else 0)

    def mean_and_std(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return mean and population deviation of each channel, for intensities scaled to [0, 1].

        A deviation is at least 1/255, so that a constant channel can be normalised.
        """
        intensities = np.arange(256) / 255
        weights = self._counts / self._counts.sum(axis=1, keepdims=True)
        means = [float(row @ intensities) for row in weights]
        variances = [float(row @ (intensities - mean) ** 2) for row, mean in zip(weights, means, strict=True)]
        return tuple(means), tuple(max(sqrt(variance), LOWEST_STD) for variance in variances)


@dataclass(frozen=True)
class WrittenSplit:
    """Facts about a split that is on disk.

    Attributes:
        digests: Digest of each array, by the name of its file.
        image_shape: (N, channels, S, S).
        label_counts: Images of each class.
        histogram: Intensities of each channel.
        unreadable: Files that could not be decoded, each with the reason.
    """

    digests: Mapping[str, str]
    image_shape: tuple[int, ...]
    label_counts: tuple[int, ...]
    histogram: ChannelHistogram
    unreadable: tuple[str, ...]


def write_split(chunks: Iterator[Chunk], folder: Path, split: str, num_classes: int) -> WrittenSplit:
    """Write ``<split>_images.npy`` and ``<split>_labels.npy``, one chunk in memory at a time.

    Args:
        chunks: Images and labels, at least one chunk.
        folder: Existing folder for the two files.
        split: ``train`` or ``test``.
        num_classes: Number of classes; labels lie below it.
    """
    histogram = ChannelHistogram()
    unreadable: list[str] = []
    label_counts = np.zeros(num_classes, dtype=np.int64)
    with (
        ArrayWriter(folder / f"{split}_images.npy", np.uint8) as images,
        ArrayWriter(folder / f"{split}_labels.npy", np.int64) as labels,
    ):
        for chunk in chunks:
            images.append(chunk.images)
            labels.append(chunk.labels)
            histogram.add(chunk.images)
            label_counts += np.bincount(chunk.labels, minlength=num_classes)
            unreadable += chunk.unreadable
        digests = {f"{split}_images.npy": images.digest(), f"{split}_labels.npy": labels.digest()}
        return WrittenSplit(digests, images.shape, tuple(label_counts.tolist()), histogram, tuple(unreadable))
