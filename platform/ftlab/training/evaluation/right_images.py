"""The test images that a probe classified rightly, a bit each, as records hold them; without torch."""

from collections.abc import Sequence

import numpy as np

WORD_BITS = 32
# Fifty thousand images with four hundred draws: there must be a bound, because files claim lengths.
MAX_WORDS = 10**6


def pack_right(right: np.ndarray) -> list[int]:
    """Return (D, M) booleans as whole numbers: M, then for each draw its M bits in words of 32, lowest bit first.

    >>> pack_right(np.array([[True, False, True]]))
    [3, 5]

    Args:
        right: Whether a test image was classified rightly, by draw of the training labels and image.
    """
    num_draws, num_images = right.shape
    width = -(-num_images // WORD_BITS)
    padded = np.zeros((num_draws, width * WORD_BITS), dtype=bool)
    padded[:, :num_images] = right
    words = np.packbits(padded, axis=1, bitorder="little").view("<u4")
    return [num_images, *(int(word) for word in words.ravel())]


def unpack_right(words: Sequence[int]) -> np.ndarray:
    """Return the (D, M) booleans that `pack_right` packed.

    >>> unpack_right([3, 5]).tolist()
    [[True, False, True]]

    Args:
        words: Whole numbers as `pack_right` returns them.

    Raises:
        ValueError: They are no such numbers, because a record is damaged.
    """
    num_images, *rest = (int(word) for word in words)
    width = -(-num_images // WORD_BITS)
    if not 0 < width <= len(rest) <= MAX_WORDS or len(rest) % width or not all(0 <= word < 2**32 for word in rest):
        raise ValueError(
            f"right images must be whole words of a draw each, but got {len(rest)} for {num_images} images."
        )
    packed = np.array(rest, dtype="<u4").reshape(-1, width).view(np.uint8)
    return np.unpackbits(packed, axis=1, bitorder="little")[:, :num_images].astype(bool)


def share_right(words: Sequence[int]) -> np.ndarray:
    """Return the (M,) shares of draws in which each test image was classified rightly, in [0, 1]."""
    return np.asarray(unpack_right(words).mean(axis=0))
