"""Accuracy by the size of classes, for training sets with a long tail; imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BALANCED = "balanced"


@dataclass(frozen=True)
class ClassSizes:
    """Classes with many, with a medium number of and with few training images (Liu et al. 2019, arXiv 1904.05160).

    Attributes:
        many: Classes with more training images than this have many.
        few: Classes with fewer than this have few; all others are medium.
    """

    many: int = 100
    few: int = 20

    def groups(self, counts: Sequence[int]) -> dict[str, list[int]]:
        """Return the labels of the classes of each group, from the number of training images of each class.

        >>> ClassSizes(many=100, few=20).groups([101, 100, 20, 19])
        {'many': [0], 'medium': [1, 2], 'few': [3]}
        """
        groups: dict[str, list[int]] = {"many": [], "medium": [], "few": []}
        for label, count in enumerate(counts):
            groups["many" if count > self.many else "few" if count < self.few else "medium"].append(label)
        return groups

    def accuracies(self, right: np.ndarray, test_labels: np.ndarray, counts: Sequence[int]) -> dict[str, float]:
        """Return the mean accuracy of the classes of each group, and of all as ``balanced``, in percent.

        Every class counts the same, however many test images it has. A class without test images is left out, and so
        is a group without classes.

        Args:
            right: (D, M) booleans: the test images that are classified rightly.
            test_labels: (M,) their labels.
            counts: Number of training images of each class.
        """
        shares = right.mean(axis=0)
        of_class = {int(label): float(shares[test_labels == label].mean()) for label in np.unique(test_labels)}
        groups = {BALANCED: list(range(len(counts))), **self.groups(counts)}
        found = {name: [of_class[label] for label in group if label in of_class] for name, group in groups.items()}
        return {name: 100.0 * sum(values) / len(values) for name, values in found.items() if values}
