from pathlib import Path

import numpy as np
import pytest
from tests.unit.data.conftest import WriteFolder

from ftlab.data.cache.decode_once import load_dataset
from ftlab.data.sets.catalogue import DatasetSource, open_reader
from ftlab.data.sets.selection import Selection
from ftlab.errors import DataError

LABELS = np.repeat([0, 1, 2], [10, 20, 30])
TEST_LABELS = np.repeat([0, 1, 2], [4, 6, 8])


def digits(home: Path, **settings: object) -> object:
    return load_dataset(DatasetSource("digits", None, 8, selection=Selection(**settings)), home)


def test_nothing_is_left_out_by_default() -> None:
    rows = Selection().apply(LABELS, TEST_LABELS, 60)
    assert not Selection().chooses
    assert rows.train.tolist() == list(range(60))
    assert rows.test.tolist() == list(range(18))


@pytest.mark.parametrize(("part", "counts"), [(0.2, [2, 4, 6]), (0.5, [5, 10, 15]), (0.04, [1, 1, 1])])
def test_a_part_of_each_class_is_held_out_of_the_training_images(part: float, counts: list[int]) -> None:
    rows = Selection(held_out=part).apply(LABELS, TEST_LABELS, 60)
    assert np.bincount(LABELS[rows.test]).tolist() == counts
    assert sorted([*rows.train, *rows.test]) == list(range(60))


def test_a_class_keeps_so_many_images_of_each_split_and_then_holds_out() -> None:
    rows = Selection(max_per_class=5).apply(LABELS, TEST_LABELS, 60)
    assert np.bincount(LABELS[rows.train]).tolist() == [5, 5, 5]
    assert np.bincount(TEST_LABELS[rows.test]).tolist() == [4, 5, 5]
    both = Selection(held_out=0.4, max_per_class=5).apply(LABELS, TEST_LABELS, 60)
    assert sorted([*both.train, *both.test]) == rows.train.tolist()
    assert np.bincount(LABELS[both.test]).tolist() == [2, 2, 2]


def test_images_without_a_label_are_kept_for_the_pretraining() -> None:
    rows = Selection(held_out=0.5, max_per_class=2).apply(LABELS, TEST_LABELS, 64)
    assert rows.train[-4:].tolist() == [60, 61, 62, 63]
    assert len(rows.train) == 3 + 4


def test_the_choice_is_drawn_and_always_the_same() -> None:
    rows = Selection(max_per_class=5).apply(LABELS, TEST_LABELS, 60)
    assert rows.train[:5].tolist() != [0, 1, 2, 3, 4]
    assert rows.train.tolist() == Selection(max_per_class=5).apply(LABELS, TEST_LABELS, 60).train.tolist()


@pytest.mark.parametrize(("count", "valid"), [(1, "nearest valid: 0."), (2, "nearest valid: at most 0.5.")])
def test_a_class_without_an_image_left_is_named(count: int, valid: str) -> None:
    labels = np.repeat([0, 1], [100, count])
    with pytest.raises(DataError, match=r"data\.held_out must leave a training image of each class, but 0.9.*" + valid):
        Selection(held_out=0.9).apply(labels, TEST_LABELS, len(labels))


def test_held_out_digits_are_training_digits(tmp_path: Path) -> None:
    whole, chosen = digits(tmp_path), digits(tmp_path, held_out=0.2)
    training = {image.tobytes() for image in whole.train_images}
    assert (len(chosen.train_images), len(chosen.test_images)) == (1038, 259)
    assert {image.tobytes() for image in [*chosen.train_images, *chosen.test_images]} == training
    assert np.bincount(chosen.test_labels).min() >= 25
    assert chosen.fingerprint != whole.fingerprint


def test_the_files_of_a_folder_are_chosen_before_they_are_decoded(tmp_path: Path, write_folder: WriteFolder) -> None:
    root = write_folder("animals", {"train/cat": 6, "train/dog": 8, "test/cat": 3, "test/dog": 5})
    (root / "train/cat/0.png").write_bytes(b"not an image")
    source = DatasetSource("folder", root, 6, selection=Selection(max_per_class=4), corrupt_images="skip")
    names = [file.name for file in open_reader(source, tmp_path).train]
    dataset = load_dataset(source, tmp_path)
    assert len(names) == 8
    assert dataset.test_labels.tolist() == [0, 0, 0, 1, 1, 1, 1]
    held = load_dataset(DatasetSource("folder", root, 6, selection=Selection(0.5), corrupt_images="skip"), tmp_path)
    assert len(held.train_images) + len(held.test_images) == 13


def test_data_sets_of_plugins_choose_their_images_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftlab.data.sets.catalogue.DATASET_NAMES", ("digits", "ours"))
    with pytest.raises(DataError, match=r"choose among built-in data sets and folders, but got data\.name='ours'"):
        open_reader(DatasetSource("ours", None, 6, selection=Selection(0.5)), tmp_path)
