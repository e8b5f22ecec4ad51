"""The contract of a data set's reader: list what it would read, then decode it in chunks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]
Int64Array = npt.NDArray[np.int64]


class Chunk(NamedTuple):
    """Some consecutive images of a split, few enough to lie in memory.

    Attributes:
        images: (n, channels, S, S) uint8; n may be 0. Images of several sizes are n arrays, (channels, height, width).
        labels: (n,) int64 positions in the class names; fewer where the last images of the split have no label.
        unreadable: Files of this stretch that could not be decoded, each with the reason; they are not in ``images``.
    """

    images: UInt8Array | Sequence[UInt8Array]
    labels: Int64Array
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True)
class DecodedDataset:
    """A data set while it is being decoded; each split can be consumed once.

    Attributes:
        class_names: Label i means ``class_names[i]``.
        train: Chunks of the training split, at least one.
        test: Chunks of the test split, at least one.
    """

    class_names: tuple[str, ...]
    train: Iterator[Chunk]
    test: Iterator[Chunk]


class Reader(Protocol):
    """Reads one data set from where it lies."""

    def listing(self) -> list[str]:
        """Return lines that differ whenever `decode` could return something else, without decoding anything."""

    def decode(self) -> DecodedDataset:
        """Decode every image to uint8, of the requested size."""
