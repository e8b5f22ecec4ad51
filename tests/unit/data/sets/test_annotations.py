"""Tiny-ImageNet, as its archive lays it out."""

import numpy as np
import pytest
from PIL import Image

from ftlab.data.cache.decode_once import load_dataset
from ftlab.data.sets.catalogue import DatasetSource
from ftlab.errors import DataError


def folder(root, **settings):
    return DatasetSource("folder", root, **{"image_size": 6, **settings})


@pytest.fixture
def root(write_folder):
    counts = {"train/n02/images": 2, "train/n01/images": 2, "val/images": 3, "test/images": 2}
    root = write_folder("tiny-imagenet-200", counts)
    (root / "train/n01/n01_boxes.txt").write_text("0.png\t0\t0\t6\t6\n")
    lines = ["2.png\tn01\t0\t0\t6\t6", "0.png\tn02\t0\t0\t6\t6", "1.png\tn01\t0\t0\t6\t6"]
    (root / "val/val_annotations.txt").write_text("\n".join(lines) + "\n")
    return root


def test_the_validation_split_is_read_by_its_annotations(tmp_path, root):
    dataset = load_dataset(folder(root), tmp_path)
    assert dataset.class_names == ("n01", "n02")
    assert dataset.test_labels.tolist() == [0, 0, 1]
    for row, name in enumerate(("1.png", "2.png", "0.png")):
        pixels = np.asarray(Image.open(root / "val/images" / name)).transpose(2, 0, 1)
        np.testing.assert_array_equal(dataset.test_images[row], pixels)


def test_a_class_list_selects_from_it(tmp_path, root):
    (tmp_path / "classes.txt").write_text("n02\n")
    dataset = load_dataset(folder(root, class_list=tmp_path / "classes.txt"), tmp_path)
    assert (dataset.class_names, len(dataset.test_images)) == (("n02",), 1)


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ("0.png", r"an image, a tab and its class, but got '0.png'"),
        ("0.png\tn01\n1.png\tn01\n2.png\tn02\n3.png\tn01", r"but 3.png is not in .*val/images"),
        ("0.png\tn01\n1.png\tn02", r"but 2.png is not in .*val_annotations.txt"),
        ("0.png\tn01\n1.png\tn02\n2.png\tn3", r"must also be in .*train, but got 'n3'"),
        ("0.png\tn01\n1.png\tn01\n2.png\tn01", r"val/n02 has none"),
    ],
)
def test_wrong_annotations_are_named(tmp_path, root, annotations, message):
    (root / "val/val_annotations.txt").write_text(annotations)
    with pytest.raises(DataError, match=message):
        load_dataset(folder(root), tmp_path)
