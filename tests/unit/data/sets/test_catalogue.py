import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ftlab.data.cache.decode_once import load_dataset
from ftlab.data.sets.catalogue import DATASET_NAMES, DatasetSource, open_reader
from ftlab.data.sets.decoding import fit_square
from ftlab.errors import DataError

COUNTS = {"train/cat": 3, "train/dog": 2, "test/cat": 1, "test/dog": 2}


def folder(root, **settings):
    return DatasetSource("folder", root, **{"image_size": 6, **settings})


def pixels_of(path):
    return np.asarray(Image.open(path))


class TestDigits:
    def test_split_sizes_classes_and_range(self, tmp_path):
        digits = load_dataset(DatasetSource("digits", None, 8), tmp_path)
        assert digits.train_images.shape == (1297, 1, 8, 8)
        assert digits.test_images.shape == (500, 1, 8, 8)
        assert digits.train_images.dtype == np.uint8
        assert (digits.train_images.min(), digits.train_images.max()) == (0, 255)
        assert digits.class_names == tuple("0123456789")
        assert np.bincount(digits.test_labels).min() >= 48

    def test_splits_hold_each_of_scikit_learns_images_once(self, tmp_path):
        from sklearn.datasets import load_digits

        digits = load_dataset(DatasetSource("digits", None, 8), tmp_path)
        ours = np.concatenate([digits.train_images, digits.test_images]).reshape(1797, 64)
        labels = np.concatenate([digits.train_labels, digits.test_labels])
        data, target = load_digits(return_X_y=True)
        expected = np.rint(data * 255 / 16).astype(np.uint8)
        rows = {(label, row.tobytes()) for label, row in zip(labels, ours, strict=True)}
        assert rows == {(label, row.tobytes()) for label, row in zip(target, expected, strict=True)}

    def test_are_resized_to_any_size(self, tmp_path):
        assert load_dataset(DatasetSource("digits", None, 12), tmp_path).train_images.shape == (1297, 1, 12, 12)


class TestFolder:
    def test_classes_are_sorted_and_pixels_are_untouched_at_their_size(self, tmp_path, write_folder):
        root = write_folder("animals", COUNTS)
        dataset = load_dataset(folder(root), tmp_path)
        assert dataset.class_names == ("cat", "dog")
        assert dataset.train_labels.tolist() == [0, 0, 0, 1, 1]
        assert dataset.test_labels.tolist() == [0, 1, 1]
        expected = pixels_of(root / "train/dog/0.png").transpose(2, 0, 1)
        np.testing.assert_array_equal(dataset.train_images[3], expected)

    def test_val_stands_in_for_test(self, tmp_path, write_folder):
        root = write_folder("animals", {"train/cat": 1, "val/cat": 2})
        assert len(load_dataset(folder(root), tmp_path).test_images) == 2

    def test_all_grayscale_images_give_one_channel(self, tmp_path, write_folder):
        dataset = load_dataset(folder(write_folder("gray", COUNTS, mode="L")), tmp_path)
        assert dataset.num_channels == 1
        assert len(dataset.channel_mean) == 1

    def test_one_coloured_image_gives_three_channels(self, tmp_path, write_folder):
        root = write_folder("mixed", COUNTS, mode="L")
        Image.new("RGB", (6, 6), "red").save(root / "test/dog/red.png")
        dataset = load_dataset(folder(root), tmp_path)
        assert dataset.num_channels == 3
        grays = dataset.train_images[0]
        np.testing.assert_array_equal(grays[0], grays[2])

    @pytest.mark.parametrize("name", ["image.jpg", "image.JPEG", "image.webp", "image.bmp", "deeper/image.png"])
    def test_formats_suffixes_and_nested_folders(self, tmp_path, write_folder, name):
        root = write_folder("animals", {"train/cat": 1, "test/cat": 1})
        (root / "train/cat" / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (9, 7), "blue").save(root / "train/cat" / name)
        (root / "train/cat/notes.txt").write_text("not an image")
        assert len(load_dataset(folder(root), tmp_path).train_images) == 2

    def test_other_sizes_become_the_centre_square(self, tmp_path, write_folder):
        root = write_folder("wide", {"train/cat": 1, "test/cat": 1}, size=(10, 6))
        dataset = load_dataset(folder(root), tmp_path)
        expected = pixels_of(root / "train/cat/0.png")[:, 2:8].transpose(2, 0, 1)
        np.testing.assert_array_equal(dataset.train_images[0], expected)

    def test_shrinking_averages_over_the_pixels_it_drops(self):
        stripes = Image.fromarray(np.tile(np.uint8([0, 255]), (64, 32)))
        shrunk = np.asarray(fit_square(stripes, 8)).astype(float)
        assert abs(shrunk - 127.5).max() < 16

    def test_class_list_selects_classes(self, tmp_path, write_folder):
        root = write_folder("animals", {**COUNTS, "train/eel": 1, "test/eel": 1, "test/fox": 1})
        chosen = tmp_path / "classes.txt"
        chosen.write_text("# two of three\neel  # long\n\ncat\n")
        dataset = load_dataset(folder(root, class_list=chosen), tmp_path)
        assert dataset.class_names == ("cat", "eel")
        assert dataset.train_labels.tolist() == [0, 0, 0, 1]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("cat\ndgo\n", r"'dgo', which has no folder. Did you mean 'dog'\?"),
            ("cat\ncat\n", "names 'cat' twice"),
            ("# nothing\n", "names none"),
        ],
    )
    def test_a_bad_class_list_is_refused(self, tmp_path, write_folder, content, message):
        chosen = tmp_path / "classes.txt"
        chosen.write_text(content)
        with pytest.raises(DataError, match=message):
            load_dataset(folder(write_folder("animals", COUNTS), class_list=chosen), tmp_path)

    def test_a_missing_class_list_is_named(self, tmp_path, write_folder):
        with pytest.raises(DataError, match=r"no\.txt does not exist"):
            load_dataset(folder(write_folder("animals", COUNTS), class_list=tmp_path / "no.txt"), tmp_path)


class TestCorruptImages:
    @pytest.fixture
    def damaged(self, write_folder):
        root = write_folder("damaged", {"train/cat": 4, "train/dog": 2, "test/cat": 1, "test/dog": 1})
        whole = (root / "train/cat/1.png").read_bytes()
        (root / "train/cat/1.png").write_bytes(whole[: len(whole) // 2])
        (root / "train/dog/0.png").write_bytes(b"")
        (root / "test/cat/link.png").symlink_to(root / "nowhere.png")
        return root

    def test_refuse_names_and_counts_them(self, tmp_path, damaged):
        with pytest.raises(DataError, match=r"3 of 9 are not: train/cat/1\.png .*train/dog/0\.png .*test/cat/link"):
            load_dataset(folder(damaged), tmp_path)

    def test_refuse_names_only_the_first_few(self, tmp_path, write_folder):
        root = write_folder("damaged", {"train/cat": 9, "test/cat": 1})
        for position in range(1, 9):
            (root / f"train/cat/{position}.png").write_bytes(b"no image")
        with pytest.raises(DataError, match=r"8 of 10 .*train/cat/5\.png .*; and 3 more"):
            load_dataset(folder(root), tmp_path)

    def test_skip_leaves_them_out_and_records_them(self, tmp_path, damaged):
        source = folder(damaged, corrupt_images="skip")
        dataset = load_dataset(source, tmp_path)
        assert dataset.train_labels.tolist() == [0, 0, 0, 1]
        assert [line.split(" ")[0] for line in dataset.skipped] == [
            "train/cat/1.png",
            "train/dog/0.png",
            "test/cat/link.png",
        ]
        assert load_dataset(source, tmp_path).skipped == dataset.skipped
        expected = pixels_of(damaged / "train/cat/2.png").transpose(2, 0, 1)
        np.testing.assert_array_equal(dataset.train_images[1], expected)

    def test_a_class_of_nothing_else_is_refused(self, tmp_path, write_folder):
        root = write_folder("damaged", COUNTS)
        for position in range(2):
            (root / f"train/dog/{position}.png").write_bytes(b"no image")
        with pytest.raises(DataError, match="'dog' has none"):
            load_dataset(folder(root, corrupt_images="skip"), tmp_path)

    def test_more_than_8_bits_are_not_silently_clipped(self, tmp_path, write_folder):
        root = write_folder("wide", {"train/cat": 1, "test/cat": 1}, mode="L")
        Image.fromarray(np.full((6, 6), 40000, dtype=np.uint16)).save(root / "train/cat/deep.png")
        with pytest.raises(DataError, match=r"train/cat/deep\.png \(mode I;16 has more than 8 bits"):
            load_dataset(folder(root), tmp_path)
        assert load_dataset(folder(root, corrupt_images="skip"), tmp_path).num_channels == 1


class TestMissing:
    def test_every_name_has_a_reader(self, tmp_path):
        for name in DATASET_NAMES:
            if name != "folder":
                assert open_reader(DatasetSource(name, None, 8), tmp_path)

    def test_an_unknown_name_gets_the_nearest(self, tmp_path):
        with pytest.raises(DataError, match=r"got 'cifar'. Did you mean 'cifar10'\?"):
            load_dataset(DatasetSource("cifar", None, 32), tmp_path)

    def test_a_folder_needs_a_root(self, tmp_path):
        with pytest.raises(DataError, match=r"needs data\.root"):
            load_dataset(folder(None), tmp_path)

    def test_a_class_list_without_folder_has_no_effect_and_is_refused(self, tmp_path):
        with pytest.raises(DataError, match=r"got data\.name='digits'"):
            load_dataset(DatasetSource("digits", None, 8, class_list=tmp_path), tmp_path)

    @pytest.mark.parametrize(
        ("counts", "message"),
        [
            ({}, r"photos/train does not exist\. Expected layout: ROOT/train/CLASS/IMAGE"),
            ({"train/cat": 1}, r"photos/test or .*photos/val does not exist"),
            ({"train": 1, "test": 1}, r"photos/train must hold one folder a class, but it holds none"),
            ({"train/cat": 0, "test/cat": 1}, r"photos/train/cat has none"),
            ({"train/cat": 1, "train/dog": 1, "test/cat": 1}, r"photos/test/dog has none"),
            ({"train/cat": 1, "test/cat": 1, "test/cats": 1}, r"but got 'cats'\. Did you mean 'cat'\?"),
        ],
    )
    def test_a_wrong_layout_is_named(self, tmp_path, write_folder, counts, message):
        with pytest.raises(DataError, match=message):
            load_dataset(folder(write_folder("photos", counts or {"test/cat": 0})), tmp_path)

    def test_a_torchvision_set_says_where_and_how(self, tmp_path):
        with pytest.raises(DataError, match=r"data/cifar-10-batches-py, .*SET=\"data\.download=true\""):
            load_dataset(DatasetSource("cifar10", None, 32), tmp_path)

    def test_a_damaged_torchvision_set_is_named(self, tmp_path):
        (tmp_path / "cifar-10-batches-py").mkdir()
        (tmp_path / "cifar-10-batches-py/data_batch_1").write_bytes(b"half")
        with pytest.raises(DataError, match="incomplete or damaged"):
            load_dataset(DatasetSource("cifar10", tmp_path, 32), tmp_path)

    @pytest.mark.parametrize("name", ["cifar10", "stl10", "fashion_mnist"])
    def test_a_download_without_network_says_so(self, tmp_path, monkeypatch, name):
        for variable in ("http_proxy", "https_proxy"):
            monkeypatch.setenv(variable, "http://127.0.0.1:9")  # the discard port: nobody listens
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(DataError, match=r"could not be downloaded to .* If this machine is offline"):
            load_dataset(DatasetSource(name, None, 32, download=True), tmp_path)


class TestTorchvisionSets:
    def test_fashion_mnist_becomes_one_channel(self, tmp_path):
        images = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
        labels = np.arange(20, dtype=np.uint8) % 10
        for split in ("train", "t10k"):
            self.write_idx(tmp_path, f"{split}-images-idx3-ubyte", images)
            self.write_idx(tmp_path, f"{split}-labels-idx1-ubyte", labels)
        dataset = load_dataset(DatasetSource("fashion_mnist", tmp_path, 28), tmp_path)
        np.testing.assert_array_equal(dataset.train_images[:, 0], images)
        np.testing.assert_array_equal(dataset.test_labels, labels)
        assert dataset.class_names[8] == "Bag"

    def test_cifar_becomes_three_channels_in_its_own_order(self, tmp_path, monkeypatch):
        from torchvision.datasets import CIFAR10

        lists = {"train_list": [["first", None], ["second", None]], "test_list": [["last", None]]}
        for name, value in {**lists, "meta": {"filename": "meta", "key": "label_names", "md5": None}}.items():
            monkeypatch.setattr(CIFAR10, name, value)  # the checksums of three tiny files
        images = np.random.default_rng(0).integers(0, 256, (30, 3, 32, 32), np.uint8)
        names = {"label_names": [f"class {label}" for label in range(10)]}
        self.write_pickle(tmp_path, "meta", names)
        for position, name in enumerate(("first", "second", "last")):
            rows = images[10 * position : 10 * position + 10].reshape(10, -1)
            self.write_pickle(tmp_path, name, {"data": rows, "labels": list(range(10))})
        dataset = load_dataset(DatasetSource("cifar10", tmp_path, 32), tmp_path)
        np.testing.assert_array_equal(dataset.train_images, images[:20])
        np.testing.assert_array_equal(dataset.test_images, images[20:])
        assert dataset.class_names[3] == "class 3"
        assert load_dataset(DatasetSource("cifar10", tmp_path, 16), tmp_path).train_images.shape == (20, 3, 16, 16)

    def test_stl10_keeps_its_images_without_a_label_for_the_pretraining(self, tmp_path, monkeypatch):
        from torchvision.datasets import STL10

        lists = {
            "train_list": ("train_X.bin", "train_y.bin", "unlabeled_X.bin"),
            "test_list": ("test_X.bin", "test_y.bin"),
        }
        for name, files in lists.items():
            monkeypatch.setattr(STL10, name, [[file, None] for file in files])  # the checksums of small files
        folder = tmp_path / "stl10_binary"
        folder.mkdir()
        images = np.random.default_rng(0).integers(0, 256, (45, 3, 96, 96), np.uint8)
        labels = np.arange(1, 11, dtype=np.uint8)  # its own files count from 1
        for name, rows in (("train", images[:10]), ("unlabeled", images[10:35]), ("test", images[35:])):
            rows.transpose(0, 1, 3, 2).tofile(folder / f"{name}_X.bin")  # column by column
        labels.tofile(folder / "train_y.bin")
        labels[::-1].tofile(folder / "test_y.bin")
        for name in ("class_names.txt", "fold_indices.txt"):
            (folder / name).write_text("\n".join("abcdefghij"))
        dataset = load_dataset(DatasetSource("stl10", tmp_path, 96), tmp_path)
        np.testing.assert_array_equal(dataset.train_images, images[:35])
        np.testing.assert_array_equal(dataset.train_labels, np.arange(10))
        assert dataset.num_labelled == 10
        np.testing.assert_array_equal(dataset.test_images, images[35:])
        np.testing.assert_array_equal(dataset.test_labels, np.arange(10)[::-1])

    @staticmethod
    def write_pickle(root: Path, name: str, content: object):
        folder = root / "cifar-10-batches-py"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(pickle.dumps(content))

    @staticmethod
    def write_idx(root: Path, name: str, values: np.ndarray):
        folder = root / "FashionMNIST" / "raw"
        folder.mkdir(parents=True, exist_ok=True)
        header = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
        (folder / name).write_bytes(header + values.tobytes())
