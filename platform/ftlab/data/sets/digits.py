"""The embedded data set: scikit-learn's 1,797 handwritten digits of 8x8 pixels."""

from dataclasses import dataclass

import numpy as np

from ftlab.data.sets.decoding import array_chunks
from ftlab.data.sets.reader import DecodedDataset

NUM_TEST = 500
SPLIT_SEED = 0
MAX_INTENSITY = 16


@dataclass(frozen=True)
class DigitsReader:
    """Reads 1,297 training and 500 test digits, split by class with a fixed seed.

    Attributes:
        image_size: Side of the decoded images, in pixels; 8 leaves them untouched.
    """

    image_size: int

    def listing(self) -> list[str]:
        """Return no lines: the images come with scikit-learn."""
        return []

    def decode(self) -> DecodedDataset:
        """Scale intensities from 0..16 to 0..255 and split."""
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        intensities, labels = load_digits(return_X_y=True)
        images = np.rint(intensities * (255 / MAX_INTENSITY)).astype(np.uint8).reshape(-1, 1, 8, 8)
        train, test = train_test_split(
            np.arange(len(labels)), test_size=NUM_TEST, stratify=labels, random_state=SPLIT_SEED
        )
        labels = labels.astype(np.int64)
        return DecodedDataset(
            class_names=tuple(str(digit) for digit in range(10)),
            train=array_chunks(images[train], labels[train], self.image_size),
            test=array_chunks(images[test], labels[test], self.image_size),
        )
