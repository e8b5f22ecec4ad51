"""The embedded data set: scikit-learn's 1,797 handwritten digits of 8x8 pixels."""

from dataclasses import dataclass

import numpy as np

from ftlab.data.sets.decoding import LabelledImages
from ftlab.data.sets.reader import DecodedDataset
from ftlab.data.sets.selection import EVERY_IMAGE, Selection

NUM_TEST = 500
SPLIT_SEED = 0
MAX_INTENSITY = 16


@dataclass(frozen=True)
class DigitsReader:
    """Reads 1,297 training and 500 test digits, split by class with a fixed seed.

    Attributes:
        image_size: Side of the decoded images, in pixels; 8 leaves them untouched.
        selection: The images that are taken.
    """

    image_size: int
    selection: Selection = EVERY_IMAGE

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
        splits = (LabelledImages(images[rows], labels[rows].astype(np.int64)) for rows in (train, test))
        chosen_train, chosen_test = self.selection.take(*splits)
        return DecodedDataset(
            class_names=tuple(str(digit) for digit in range(10)),
            train=chosen_train.chunks(self.image_size),
            test=chosen_test.chunks(self.image_size),
        )
