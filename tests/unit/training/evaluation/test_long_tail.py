"""Accuracies by the size of classes, against tables worked out by hand."""

import numpy as np
import pytest

from ftlab.training.evaluation.long_tail import ClassSizes
from ftlab.training.evaluation.probe_metrics import OPTIONAL, PROBE_METRICS, optional_probes

# Two draws of right answers about nine test images of four classes.
RIGHT = np.array([[1, 1, 0, 1, 1, 0, 0, 1, 0], [1, 0, 0, 1, 1, 0, 1, 1, 0]], dtype=bool)
LABELS = np.array([0, 0, 0, 0, 1, 1, 2, 2, 3])


def by_loops(sizes: ClassSizes, counts: list[int]) -> dict[str, float]:
    shares: dict[str, list[float]] = {"balanced": [], "many": [], "medium": [], "few": []}
    for label, count in enumerate(counts):
        found = [float(RIGHT[draw, image]) for draw in range(2) for image in range(9) if LABELS[image] == label]
        if found:
            share = sum(found) / len(found)
            group = "many" if count > sizes.many else "few" if count < sizes.few else "medium"
            shares["balanced"].append(share)
            shares[group].append(share)
    return {group: 100.0 * sum(values) / len(values) for group, values in shares.items() if values}


@pytest.mark.parametrize(
    ("counts", "groups"),
    [
        ([1280, 101, 100, 20, 19, 5], {"many": [0, 1], "medium": [2, 3], "few": [4, 5]}),
        ([100, 20], {"many": [], "medium": [0, 1], "few": []}),
        ([126, 75, 45, 27, 16, 9, 5, 3, 2, 1], {"many": [0], "medium": [1, 2, 3], "few": [4, 5, 6, 7, 8, 9]}),
    ],
)
def test_classes_fall_in_groups_by_their_training_images(counts: list[int], groups: dict[str, list[int]]) -> None:
    assert ClassSizes().groups(counts) == groups


def test_the_thresholds_may_be_others() -> None:
    assert ClassSizes(many=5, few=6).groups([6, 5, 5]) == {"many": [0], "medium": [], "few": [1, 2]}


def test_every_class_counts_the_same() -> None:
    # Class 0: 3/4 and 2/4, class 1: 1/2 and 1/2, class 2: 1/2 and 2/2, class 3: none.
    assert ClassSizes().accuracies(RIGHT, LABELS, [500, 200, 50, 3]) == {
        "balanced": pytest.approx(100 * (0.625 + 0.5 + 0.75 + 0.0) / 4),
        "many": pytest.approx(100 * (0.625 + 0.5) / 2),
        "medium": pytest.approx(75.0),
        "few": 0.0,
    }


@pytest.mark.parametrize("counts", [[500, 200, 50, 3], [30, 30, 30, 2], [1, 2, 3, 4], [101, 10, 10, 10, 500]])
def test_the_accuracies_are_those_of_the_definition(counts: list[int]) -> None:
    sizes = ClassSizes()
    assert sizes.accuracies(RIGHT, LABELS, counts) == pytest.approx(by_loops(sizes, counts), abs=1e-6)


def test_groups_without_test_images_are_left_out() -> None:
    found = ClassSizes().accuracies(RIGHT, LABELS, [30, 30, 30, 30, 500])
    assert found.keys() == {"balanced", "medium"}
    assert found["balanced"] == found["medium"]


def test_a_metric_names_the_probes_that_it_needs() -> None:
    assert optional_probes("knn/top1") == optional_probes("probe/top1") == set()
    assert optional_probes("finetune/top1") == {"finetune"}
    assert optional_probes("long_tail/few_top1") == {"long_tail"}
    assert all(optional_probes(metric) >= {probe} for probe in OPTIONAL for metric in PROBE_METRICS[probe])
