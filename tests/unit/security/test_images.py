"""Images are decoded within bounds, by the readers of four formats alone, and by name."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from ftlab.data.cache.decode_once import load_dataset
from ftlab.data.sets import decoding
from ftlab.data.sets.catalogue import DatasetSource
from ftlab.errors import DataError

Damage = Callable[[Path], object]


def png(width: int, height: int, pixels: bytes = b"") -> bytes:
    """Return a PNG file of any size by its header, whatever it holds."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """An image folder of one class with two sound images."""
    for split in ("train", "test"):
        folder = tmp_path / "photos" / split / "cat"
        folder.mkdir(parents=True)
        Image.new("RGB", (6, 6)).save(folder / "0.png")
    return tmp_path / "photos"


def load(root: Path) -> None:
    load_dataset(DatasetSource("folder", root, 8), root.parent)


def write_eps(path: Path) -> None:
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n(owned) run\nshowpage\n")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(png(10_000, 10_000)), r"10000 x 10000 pixels are more than 89,478,485"),
        (lambda path: path.write_bytes(png(2**31 - 1, 2**31 - 1)), "DecompressionBombError"),
        (lambda path: path.write_bytes(png(64, 64)[:40]), "UnidentifiedImageError|OSError|SyntaxError"),
        (lambda path: path.write_bytes(png(64, 64, b"\0" * 100)), "OSError: image file is truncated"),
        (lambda path: path.symlink_to("/dev/zero"), "it is no regular file"),
        (os.mkfifo, "it is no regular file"),
        (write_eps, "UnidentifiedImageError"),
        (lambda path: Image.new("RGB", (4, 4)).save(path, format="GIF"), "UnidentifiedImageError"),
        (lambda path: path.symlink_to("/etc/hostname"), "UnidentifiedImageError"),
    ],
    ids=["bomb", "huge", "cut", "truncated", "device", "pipe", "postscript", "gif", "link"],
)
@pytest.mark.timeout(20)
def test_a_hostile_image_is_named_and_not_decoded(photos: Path, damage: Damage, reason: str) -> None:
    damage(photos / "train" / "cat" / "evil.png")
    with pytest.raises(DataError, match=rf"1 of 3 are not: train/cat/evil\.png \(.*({reason})") as refused:
        load(photos)
    assert "\n" not in str(refused.value)


def test_the_largest_image_is_what_pillow_warns_of() -> None:
    assert decoding.MAX_PIXELS == Image.MAX_IMAGE_PIXELS


def test_text_that_unpacks_to_megabytes_is_refused(photos: Path) -> None:
    bomb = zlib.compress(b"a" * 2**26)
    content = b"zTXt" + b"comment\0\0" + bomb
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    sound = (photos / "train/cat/0.png").read_bytes()
    (photos / "train/cat/evil.png").write_bytes(sound[:33] + chunk + sound[33:])
    with pytest.raises(DataError, match=r"evil\.png \(ValueError: Decompressed data too large"):
        load(photos)


def test_folders_within_folders_are_bounded(photos: Path) -> None:
    folder = photos / "train" / "cat"
    for _ in range(200):
        folder = folder / "a"
    folder.mkdir(parents=True)
    with pytest.raises(DataError, match="at most 32 folders below their class"):
        load(photos)


def test_a_link_to_a_folder_above_is_not_followed(photos: Path) -> None:
    (photos / "train" / "cat" / "again").symlink_to(photos / "train")
    load(photos)


def test_a_class_list_without_end_is_refused(photos: Path) -> None:
    (photos / "classes.txt").write_text("cat\n" + "#" * 2**21)
    source = DatasetSource("folder", photos, 8, class_list=photos / "classes.txt")
    with pytest.raises(DataError, match="at most 1,048,576 characters"):
        load_dataset(source, photos.parent)
