"""Photographs of several sizes, as they lie one after another in a file of the cache; does not import torch."""

from dataclasses import dataclass

import numpy as np

from ftlab.data.sets.reader import Int64Array, UInt8Array

# No image that is decoded has a longer side; a file that names one is damaged.
MAX_SIDE = 2**27


@dataclass(frozen=True, eq=False)
class Photos:
    """Photographs of several sizes.

    Attributes:
        pixels: (bytes,) uint8, usually memory-mapped: each photograph as (height, width, channels).
        sizes: (N, 2) int64 heights and widths.
        starts: (N,) int64 place of each photograph's first pixel in ``pixels``.
        num_channels: Number of channels.
    """

    pixels: UInt8Array
    sizes: Int64Array
    starts: Int64Array
    num_channels: int

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, rows: slice | Int64Array) -> "Photos":
        """Return some of the photographs, without copying their pixels."""
        return Photos(self.pixels, self.sizes[rows], self.starts[rows], self.num_channels)

    @property
    def nbytes(self) -> int:
        """Size of all pixels."""
        return self.pixels.nbytes

    def photo(self, row: int) -> UInt8Array:
        """Return the (height, width, channels) pixels of a photograph, without copying them."""
        height, width = self.sizes[row]
        start = self.starts[row]
        shape = (int(height), int(width), self.num_channels)
        return self.pixels[start : start + height * width * self.num_channels].reshape(shape)


def starts_of(sizes: Int64Array, num_channels: int) -> tuple[Int64Array, int]:
    """Return where each photograph of a file starts, and the size of all.

    Args:
        sizes: (N, 2) int64 heights and widths.
        num_channels: Number of channels.

    Raises:
        ValueError: No photographs have such sides or channels.
    """
    if num_channels not in (1, 3):
        raise ValueError(f"photographs must have 1 or 3 channels, but have {num_channels}")
    if sizes.size and not 1 <= sizes.min() <= sizes.max() <= MAX_SIDE:
        raise ValueError(f"the sides of photographs must be from 1 to {MAX_SIDE}, but are not")
    ends = np.cumsum(sizes.prod(axis=1) * num_channels)
    return np.concatenate([[0], ends[:-1]]).astype(np.int64), int(ends[-1]) if len(ends) else 0
