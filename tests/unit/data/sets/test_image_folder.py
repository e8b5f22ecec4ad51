"""Image folders as people have them: unreadable files, turned photographs, and files that are no images."""

import os
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ftlab.data.cache.decode_once import load_dataset
from ftlab.data.sets.catalogue import DatasetSource
from ftlab.data.sets.folder_rules import IMAGE_SUFFIXES
from ftlab.data.sets.torchvision_sets import TorchvisionReader
from ftlab.errors import DataError

COUNTS = {"train/cat": 3, "train/dog": 2, "test/cat": 1, "test/dog": 2}
FINGERPRINT_OF_BEFORE = "2cf32bb1f5fef05b2320362dd01199e5"

Damage = Callable[[Path], object]


@pytest.fixture
def root(write_folder) -> Path:
    return write_folder("animals", COUNTS)


def load(root: Path, **settings):
    return load_dataset(DatasetSource("folder", root, **{"image_size": 6, **settings}), root.parent)


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path is short
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)


def link_in_circle(path: Path) -> None:
    path.symlink_to(path.with_name("other"))
    path.with_name("other").symlink_to(path)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.symlink_to(path.name),
        link_in_circle,
        lambda path: path.symlink_to("nowhere.jpg"),
        lambda path: path.symlink_to(path.parent),
        lambda path: path.symlink_to(f"0.png/{path.name}"),
        lambda path: path.symlink_to("/dev/null"),
        Path.mkdir,
        os.mkfifo,
        make_socket,
        lambda path: path.write_bytes(b""),
    ],
    ids=["loop", "circle", "dangling", "to-folder", "through-file", "device", "folder", "pipe", "socket", "empty"],
)
@pytest.mark.parametrize("name", ["loop.jpg", os.fsdecode(b"caf\xe9.jpg")], ids=["ascii", "latin-1"])
@pytest.mark.timeout(20)
def test_whatever_cannot_be_read_is_an_unreadable_image(root: Path, damage: Damage, name: str) -> None:
    damage(root / "train/cat" / name)
    with pytest.raises(DataError, match=r"1 of 9 are not: train/cat/.*\.jpg \("):
        load(root)
    dataset = load(root, corrupt_images="skip")
    assert len(dataset.train_images) == 5
    assert dataset.skipped_of_all == "1 of 9"


def refuse_below(monkeypatch: pytest.MonkeyPatch, name: str, refused: Path, error: type[OSError]) -> None:
    """Refuse a call of the system on one path, as for a user without permission; root may do everything."""
    allowed = getattr(os, name)

    def call(path, *arguments, **settings):
        if str(path) == str(refused):
            raise error(13, "Permission denied", str(refused))
        return allowed(path, *arguments, **settings)

    monkeypatch.setattr(os, name, call)


@pytest.mark.parametrize("error", [PermissionError, FileNotFoundError, OSError])
def test_a_folder_that_cannot_be_listed_is_an_unreadable_image(root, monkeypatch, error) -> None:
    (root / "train/cat/deeper").mkdir()
    refuse_below(monkeypatch, "scandir", root / "train/cat/deeper", error)
    with pytest.raises(DataError, match=r"1 of 9 are not: train/cat/deeper \(.*without permission to list it"):
        load(root)
    assert load(root, corrupt_images="skip").skipped_of_all == "1 of 9"


def test_a_class_that_cannot_be_listed_is_refused(root, monkeypatch) -> None:
    refuse_below(monkeypatch, "scandir", root / "test/dog", PermissionError)
    with pytest.raises(DataError, match=r"1 of 7 are not: test/dog"):
        load(root)
    with pytest.raises(DataError, match=r"Each class must have a readable test image, but 'dog' has none"):
        load(root, corrupt_images="skip")


@pytest.mark.parametrize("target", ["eel", "nowhere", "cat/0.png/eel"])
def test_a_class_that_is_a_broken_link_is_refused(root, target) -> None:
    for split in ("train", "test"):
        (root / split / "eel").symlink_to(target)
    for choice in ("refuse", "skip"):
        with pytest.raises(DataError, match="eel"):
            load(root, corrupt_images=choice)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("error", [PermissionError, OSError])
def test_a_split_that_cannot_be_listed_is_named(root, monkeypatch, split, error) -> None:
    refuse_below(monkeypatch, "scandir", root / split, error)
    with pytest.raises(DataError, match=rf"readable, but .*animals/{split} is not: Permission denied"):
        load(root, corrupt_images="skip")


def test_a_root_that_cannot_be_looked_at_is_named(root, monkeypatch) -> None:
    refuse_below(monkeypatch, "stat", root / "train", PermissionError)
    with pytest.raises(DataError, match=r"readable, but .*animals/train is not: Permission denied"):
        load(root)


@pytest.mark.parametrize("name", ["a" * 300, "loop"])
def test_a_root_that_is_no_folder_is_named(tmp_path, name) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DataError, match=r"readable, but|does not exist"):
        load(tmp_path / name)


def test_files_of_a_known_set_that_cannot_be_listed_are_named(tmp_path) -> None:
    reader = TorchvisionReader("cifar10", tmp_path, 8, download=False)
    reader.folder.mkdir()
    (reader.folder / "data_batch_1").symlink_to("data_batch_1")
    with pytest.raises(DataError, match=r"readable, but .*data_batch_1 is not: "):
        reader.listing()


def test_a_file_that_vanishes_while_listed_is_an_unreadable_image(root, monkeypatch) -> None:
    from ftlab.data.sets import image_folder

    children = image_folder._children

    def then_gone(folder):
        entries = children(folder)
        if str(folder).endswith("train/cat"):
            (root / "train/cat/1.png").unlink(missing_ok=True)
        return entries

    monkeypatch.setattr(image_folder, "_children", then_gone)
    with pytest.raises(DataError, match=r"1 of 8 are not: train/cat/1\.png \(FileNotFoundError"):
        load(root)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_class_whose_images_are_all_unreadable_is_refused(root, split) -> None:
    for path in (root / split / "dog").iterdir():
        path.write_bytes(b"no image")
    kind = {"train": "training", "test": "test"}[split]
    with pytest.raises(DataError, match=rf"Each class must have a readable {kind} image, but 'dog' has none"):
        load(root, corrupt_images="skip")


def test_an_image_that_may_be_read_again_is_no_longer_left_out(root) -> None:
    path = root / "train/cat/0.png"
    content, state = path.read_bytes(), path.stat()
    path.write_bytes(b"\0" * len(content))
    path.chmod(0o000)  # whoever runs this test as root may read it all the same
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert load(root, corrupt_images="skip").skipped_of_all == "1 of 8"
    path.chmod(0o644)
    path.write_bytes(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert load(root, corrupt_images="skip").skipped_of_all == ""


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("suffix", ["png", "webp"])
    def test_a_turned_photograph_is_decoded_as_viewers_show_it(self, tmp_path, orientation, suffix) -> None:
        upright = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 15, 3), np.uint8))
        stored = turned(upright, orientation)
        exif = Image.Exif()
        exif[0x0112] = orientation
        for name, image, settings in (("plain", upright, {}), ("turned", stored, {"exif": exif})):
            for split in ("train", "test"):
                folder = tmp_path / name / split / "cat"
                folder.mkdir(parents=True)
                image.save(folder / f"0.{suffix}", lossless=True, **settings)
        expected, found = (load(tmp_path / name, image_size=9) for name in ("plain", "turned"))
        np.testing.assert_array_equal(found.train_images, expected.train_images)
        assert found.fingerprint == expected.fingerprint

    @pytest.mark.parametrize("value", [0, 1, 9, 65535])
    def test_an_orientation_without_meaning_turns_nothing(self, root, value) -> None:
        before = load(root).fingerprint
        exif = Image.Exif()
        exif[0x0112] = value
        path = root / "train/cat/0.png"
        Image.open(path).save(path, exif=exif)
        assert load(root).fingerprint == before

    @pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
    @pytest.mark.parametrize(
        "exif", [b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\0\xff\x01\x12", b"Exif\0\0II*\0\xff\xff\xff\xff"]
    )
    def test_damaged_metadata_do_no_harm(self, root, exif) -> None:
        before = load(root).fingerprint
        path = root / "train/cat/0.png"
        Image.open(path).save(path, exif=exif)
        assert load(root).fingerprint == before

    def test_a_folder_without_turned_images_keeps_its_fingerprint(self, root) -> None:
        assert load(root).fingerprint == FINGERPRINT_OF_BEFORE

    def test_an_index_of_before_is_not_believed(self, root) -> None:
        """It says which pixels a folder was decoded to, and did not look at orientations."""
        from ftlab.data.sets.catalogue import open_reader

        reader = open_reader(DatasetSource("folder", root, 6), root.parent)
        assert reader.listing()[0].startswith("decoding 2")


def turned(upright: Image.Image, orientation: int) -> Image.Image:
    """Return the image as a camera stores it that writes down how to turn it: the inverse of what viewers do."""
    inverse = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    return upright.transpose(inverse[orientation]) if orientation in inverse else upright


class TestRules:
    @pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
    def test_images(self, root, suffix) -> None:
        Image.new("RGB", (9, 7), "blue").save(root / "train/cat/image.png")
        (root / "train/cat/image.png").rename(root / f"train/cat/image{suffix.upper()}")
        dataset = load(root)
        assert (len(dataset.train_images), dataset.left_out) == (6, "")

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("image.gif", ".gif"),
            ("image.TIF", ".tif"),
            ("image.tiff", ".tiff"),
            ("image.heic", ".heic"),
            ("image.jpg~", ".jpg~"),
            ("image.jpg.part", ".part"),
            ("LICENSE", "without a suffix"),
            ("._0001.jpg", "hidden"),
            (".DS_Store", "hidden"),
            ("Thumbs.db", "of other programs"),
            (".ipynb_checkpoints/0001-checkpoint.png", "hidden"),
            (".thumbnails/0001.png", "hidden"),
            (".git/0001.png", "hidden"),
            ("@eaDir/0001.jpg/SYNOPHOTO_THUMB_M.jpg", "of other programs"),
            ("__MACOSX/0001.jpg", "of other programs"),
            ("deeper/.trash/0001.jpg", "hidden"),
        ],
    )
    def test_what_is_no_image_is_left_out_and_counted(self, root, name, reason) -> None:
        before = load(root).fingerprint
        path = root / "train/cat" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 6)).save(path, format="PNG")
        dataset = load(root)
        assert (dataset.fingerprint, dataset.left_out) == (before, f"1 {reason}")

    @pytest.mark.parametrize("name", ["__MACOSX", ".ipynb_checkpoints", "@eaDir", "lost+found", "$RECYCLE.BIN"])
    def test_folders_of_programs_are_no_classes(self, root, name) -> None:
        for split in ("train", "test"):
            (root / split / name).mkdir()
        (root / "train/readme.txt").write_text("")
        dataset = load(root)
        assert dataset.class_names == ("cat", "dog")
        assert dataset.left_out in ("2 hidden, 1 outside the classes", "2 of other programs, 1 outside the classes")

    def test_a_class_of_nothing_else_says_what_was_left_out(self, root) -> None:
        for split in ("train", "test"):
            (root / split / "eel").mkdir()
            (root / split / "eel/0.gif").write_bytes(b"")
        with pytest.raises(DataError, match=r"train/eel has none\..*\.jfif.* Left out of .*animals: 2 \.gif\."):
            load(root)

    def test_hidden_files_among_annotated_ones(self, write_folder) -> None:
        root = write_folder("tiny", {"train/n01/images": 1, "train/n02/images": 1, "val/images": 2})
        (root / "val/val_annotations.txt").write_text("0.png\tn01\n1.png\tn02\n")
        (root / "val/images/._0.png").write_bytes(b"")
        assert load(root).left_out == "1 hidden"


@pytest.mark.parametrize("colour_type", [0, 2, 4, 6], ids=["gray", "colour", "gray-alpha", "colour-alpha"])
@pytest.mark.parametrize("name", ["deep.png", "deep.jpg"])
def test_more_than_8_bits_a_channel_are_refused_by_name(root, colour_type, name) -> None:
    write_deep_png(root / "train/cat" / name, colour_type)
    with pytest.raises(DataError, match=rf"train/cat/{name} \(mode .*16B? has more than 8 bits a channel"):
        load(root)
    assert load(root, corrupt_images="skip").skipped_of_all == "1 of 9"


def write_deep_png(path: Path, colour_type: int) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour_type]
    rows = (b"\0" + b"\x12\x34" * channels * 6) * 6
    header = struct.pack(">IIBBBBB", 6, 6, 16, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
