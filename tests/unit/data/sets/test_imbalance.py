"""An exponential long tail that is made from a balanced set."""

from pathlib import Path

import numpy as np
import pytest

from ftlab.data.cache.decode_once import load_dataset
from ftlab.data.sets.catalogue import DatasetSource
from ftlab.data.sets.selection import Selection, long_tail
from ftlab.errors import DataError

LABELS = np.repeat([0, 1, 2], [40, 44, 41])
TEST_LABELS = np.repeat([0, 1, 2], [4, 6, 8])


# The first two are the published ones of CIFAR-10 and CIFAR-100 with an imbalance of 100 (arXiv 1901.05555).
@pytest.mark.parametrize(
    ("sizes", "imbalance", "expected"),
    [
        ([5000] * 10, 100, [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]),
        ([500] * 100, 100, [500, 477, 455, 434, 415]),
        ([128, 131, 126, 132], 4, [126, 79, 50, 31]),
        ([100] * 3, 100, [100, 10, 1]),
        ([30, 30], 1, [30, 30]),
        ([30], 2, [30]),
    ],
)
def test_the_sizes_fall_exponentially(sizes: list[int], imbalance: float, expected: list[int]) -> None:
    found = long_tail(sizes, imbalance)
    assert found[: len(expected)] == expected
    assert len(found) == len(sizes)


def test_the_sizes_are_those_of_the_definition() -> None:
    for imbalance in (1.0, 7.5, 50.0):
        expected = []
        for place in range(12):
            exact = 60 * imbalance ** (-place / 11)
            expected.append(round(exact) if abs(exact - round(exact)) < 1e-6 else int(exact))
        assert long_tail([60] * 12, imbalance) == expected


@pytest.mark.parametrize(
    ("sizes", "imbalance", "message"),
    [
        ([30, 61], 2, "classes of about the same size, but they have 30 to 61 training images"),
        ([30, 40], 31, "leave a training image of each class, but 31 leaves none of the last one; nearest valid: 30"),
    ],
)
def test_no_long_tail_is_made_where_there_is_none(sizes: list[int], imbalance: float, message: str) -> None:
    with pytest.raises(DataError, match=r"data\.imbalance .*" + message):
        long_tail(sizes, imbalance)


def test_training_images_are_drawn_and_all_others_stay() -> None:
    rows = Selection(imbalance=4).apply(LABELS, TEST_LABELS, 130)
    assert np.bincount(LABELS[rows.train[rows.train < 125]]).tolist() == [40, 20, 10]
    assert rows.train[-5:].tolist() == [125, 126, 127, 128, 129]
    assert rows.test.tolist() == list(range(18))
    again = Selection(imbalance=4).apply(LABELS, TEST_LABELS, 130)
    assert rows.train.tolist() == again.train.tolist()
    assert rows.train[40:60].tolist() != list(range(40, 60))


def test_images_are_held_out_of_the_balanced_set() -> None:
    rows = Selection(held_out=0.5, imbalance=4).apply(LABELS, TEST_LABELS, 125)
    assert np.bincount(LABELS[rows.test]).tolist() == [20, 22, 20]
    assert np.bincount(LABELS[rows.train]).tolist() == [20, 10, 5]
    assert not set(rows.train) & set(rows.test)


def test_digits_with_a_long_tail_have_another_identity_and_the_same_test_images(tmp_path: Path) -> None:
    whole, tailed = (
        load_dataset(DatasetSource("digits", None, 8, selection=Selection(imbalance=imbalance)), tmp_path)
        for imbalance in (None, 100.0)
    )
    assert np.bincount(tailed.train_labels).tolist() == [126, 75, 45, 27, 16, 9, 5, 3, 2, 1]
    assert np.array_equal(whole.test_images, tailed.test_images)
    assert whole.fingerprint != tailed.fingerprint
    there = {image.tobytes() for image in whole.train_images}
    assert all(image.tobytes() in there for image in tailed.train_images)
