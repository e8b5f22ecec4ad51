"""A choice among a data set's images: a part of each class, a long tail, and training images that are held out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ftlab.data.sets.decoding import LabelledImages
from ftlab.data.sets.reader import Int64Array
from ftlab.errors import DataError

SEED = 0


class Rows(NamedTuple):
    """Positions of the chosen images.

    Attributes:
        train: (n,) int64, ascending, in the training split.
        test: (m,) int64, ascending, in the test split, or in the training split where images are held out.
    """

    train: Int64Array
    test: Int64Array


@dataclass(frozen=True)
class Selection:
    """Images of each class, drawn with a fixed seed; the same for every trial on the same data.

    Attributes:
        held_out: Part of each class's training images, in [0, 1), that take the place of the test images: settings
            that are chosen by them have not seen the test images. 0 leaves the test images.
        max_per_class: Images of a class that each split keeps; None keeps all.
        imbalance: Training images of the first class for each one of the last, see `long_tail`; None keeps all.
    """

    held_out: float = 0.0
    max_per_class: int | None = None
    imbalance: float | None = None

    @property
    def chooses(self) -> bool:
        """True if an image may be left out."""
        return self != EVERY_IMAGE

    def apply(self, train_labels: Int64Array, test_labels: Int64Array, num_train: int) -> Rows:
        """Choose images.

        Args:
            train_labels: (L,) labels of the first L training images. Those without a label are all kept.
            test_labels: (M,) labels of the test images.
            num_train: Number N >= L of training images.

        Raises:
            DataError: A class has too few images to hold one out and keep one, or no long tail can be made of them.
        """
        draws = np.random.default_rng(SEED)
        train, test = (self._of_each_class(labels, draws) for labels in (train_labels, test_labels))
        if self.held_out:
            test = [rows[: max(1, round(self.held_out * len(rows)))] for rows in train]
            train = [rows[len(held) :] for rows, held in zip(train, test, strict=True)]
            for held, kept in zip(test, train, strict=True):
                if not len(kept):
                    raise DataError(
                        f"data.held_out must leave a training image of each class, but {self.held_out:g} leaves none "
                        f"of a class of {len(held)}; nearest valid: "
                        f"{'0' if len(held) == 1 else 'at most ' + format(1 - 1 / len(held), '.2g')}."
                    )
        if self.imbalance is not None:
            sizes = long_tail([len(rows) for rows in train], self.imbalance)
            train = [rows[:size] for rows, size in zip(train, sizes, strict=True)]
        return Rows(_sorted(train, np.arange(len(train_labels), num_train)), _sorted(test))

    def take(self, train: LabelledImages, test: LabelledImages) -> tuple[LabelledImages, LabelledImages]:
        """Return the chosen images of both splits that lie in memory."""
        rows = self.apply(train.labels, test.labels, len(train.images))
        return train.take(rows.train), (train if self.held_out else test).take(rows.test)

    def _of_each_class(self, labels: Int64Array, draws: np.random.Generator) -> list[Int64Array]:
        of_classes = [draws.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)]
        return [rows[: self.max_per_class] for rows in of_classes]


EVERY_IMAGE = Selection()


def long_tail(sizes: Sequence[int], imbalance: float) -> list[int]:
    """Return the sizes of C classes in an exponential long tail, ``n imbalance^(-i / (C - 1))`` for class i.

    n is the size of the smallest class, so that a set that is only nearly balanced has the same profile (Cui et al.
    2019, arXiv 1901.05555, section 5.1).

    >>> long_tail([5000] * 5, 100)
    [5000, 1581, 500, 158, 50]

    Args:
        sizes: Training images of each class.
        imbalance: Size of the first class divided by that of the last, at least 1.

    Raises:
        DataError: The classes are not balanced, or the last one would be empty.
    """
    smallest, largest = min(sizes), max(sizes)
    if largest > 2 * smallest:
        raise DataError(
            "data.imbalance makes a long tail of classes of about the same size, but they have "
            f"{smallest} to {largest} training images; nearest valid: leave it out."
        )
    if imbalance > smallest:
        raise DataError(
            f"data.imbalance must leave a training image of each class, but {imbalance:g} leaves none of the last one; "
            f"nearest valid: {smallest}."
        )
    last = max(1, len(sizes) - 1)
    # A tiny share more, because a power of a root can miss a whole number from below.
    return [int(smallest * imbalance ** (-place / last) + 1e-9) for place in range(len(sizes))]


def _sorted(rows: Iterable[Int64Array], *more: Int64Array) -> Int64Array:
    return np.sort(np.concatenate([*rows, *more]))
