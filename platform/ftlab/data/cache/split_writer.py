"""Stream one split of a data set to .npy files, hashing and measuring while writing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import sqrt
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from ftlab.data.cache.array_file import array_digest, array_header, open_array
from ftlab.data.sets.reader import Chunk, UInt8Array

LOWEST_STD = 1 / 255
_ROWS = 64  # squares that are written again at a time


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


class ImageWriter:
    """The images of a split: one array while all are squares of one size, else photographs one after another.

    That is known at the end only. At the first image of another size, those before it are written again.

    Attributes:
        shape: (N, channels, S, S) of squares, (N, channels) of photographs; empty before the first image.
    """

    def __init__(self, folder: Path, split: str) -> None:
        self.shape: tuple[int, ...] = ()
        self._folder = folder
        self._split = split
        self._pixels = ArrayWriter(folder / f"{split}_images.npy", np.uint8)
        self._sizes: ArrayWriter | None = None

    def append(self, images: UInt8Array | Sequence[UInt8Array]) -> None:
        """Append (n, channels, S, S) squares or n photographs, (channels, height, width) each."""
        if not len(images):
            return
        one_size = isinstance(images, np.ndarray) and images.shape[2] == images.shape[3]
        if self._sizes is None and one_size and self.shape[1:] in ((), images[0].shape):
            self._pixels.append(np.asarray(images))
            self.shape = self._pixels.shape
            return
        sizes = self._sizes or self._become_photos()
        for image in images:
            self._pixels.append(image.transpose(1, 2, 0).reshape(-1))
        sizes.append(np.array([image.shape[1:] for image in images], dtype=np.int64))
        self.shape = (sum(self.shape[:1]) + len(images), images[0].shape[0])

    def digests(self) -> dict[str, str]:
        """Return the digest of each array so far, by the name of its file."""
        digests = {f"{self._split}_images.npy": self._pixels.digest()}
        return digests if self._sizes is None else {**digests, f"{self._split}_sizes.npy": self._sizes.digest()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        for writer in (self._pixels, self._sizes):
            if writer is not None:
                writer.__exit__(*error)

    def _become_photos(self) -> ArrayWriter:
        """Write the squares so far again, as photographs."""
        self._pixels.__exit__(None, None, None)
        path = self._folder / f"{self._split}_images.npy"
        squares = open_array(path, np.uint8, self.shape) if self.shape else np.empty((0, 1, 1, 1), np.uint8)
        path.unlink()
        self._pixels = ArrayWriter(path, np.uint8)
        self._sizes = ArrayWriter(self._folder / f"{self._split}_sizes.npy", np.int64)
        self.shape = ()
        for start in range(0, len(squares), _ROWS):
            self.append(list(squares[start : start + _ROWS]))
        return self._sizes


class ChannelHistogram:
    """Exact counts of each intensity in each channel, from which mean and deviation follow."""

    def __init__(self) -> None:
        self._counts = np.zeros((0, 256), dtype=np.int64)

    def add(self, images: UInt8Array) -> None:
        """Count the pixels of (n, channels, height, width) images."""
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
        image_shape: (N, channels, S, S) of squares of one size, (N, channels) of photographs, () of no image.
        label_counts: Images of each class.
        histogram: Intensities of each channel.
        unreadable: Files that could not be decoded, each with the reason.
    """

    digests: Mapping[str, str]
    image_shape: tuple[int, ...]
    label_counts: tuple[int, ...]
    histogram: ChannelHistogram
    unreadable: tuple[str, ...]

    @property
    def num_images(self) -> int:
        """Number N of images."""
        return self.image_shape[0] if self.image_shape else 0


def write_split(chunks: Iterator[Chunk], folder: Path, split: str, num_classes: int) -> WrittenSplit:
    """Write ``<split>_images.npy`` and ``<split>_labels.npy``, one chunk in memory at a time.

    Photographs have ``<split>_sizes.npy`` too, see `ftlab.data.cache.photos.Photos`.

    Args:
        chunks: Images and labels, at least one chunk.
        folder: Existing folder for the files.
        split: ``train`` or ``test``.
        num_classes: Number of classes; labels lie below it.
    """
    histogram = ChannelHistogram()
    unreadable: list[str] = []
    label_counts = np.zeros(num_classes, dtype=np.int64)
    with (
        ImageWriter(folder, split) as images,
        ArrayWriter(folder / f"{split}_labels.npy", np.int64) as labels,
    ):
        for chunk in chunks:
            images.append(chunk.images)
            labels.append(chunk.labels)
            for part in [chunk.images] if isinstance(chunk.images, np.ndarray) else chunk.images:
                histogram.add(part.reshape(-1, *part.shape[-3:]))
            label_counts += np.bincount(chunk.labels, minlength=num_classes)
            unreadable += chunk.unreadable
        digests = {**images.digests(), f"{split}_labels.npy": labels.digest()}
        return WrittenSplit(digests, images.shape, tuple(label_counts.tolist()), histogram, tuple(unreadable))
