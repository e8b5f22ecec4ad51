"""Photographs of several sizes in the cache."""

import json
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from ftlab.data.cache import decode_once
from ftlab.data.cache.crops import Crops
from ftlab.data.cache.decode_once import DatasetSource, ImageDataset, load_dataset
from ftlab.data.cache.image_dataset import open_image_dataset
from ftlab.data.cache.photos import Photos
from ftlab.data.cache.read_ahead import STEPS_AHEAD, ReadAhead
from ftlab.data.cache.residency import ResidentImages
from ftlab.data.sets.catalogue import open_reader
from ftlab.data.sets.image_folder import FolderReader
from ftlab.errors import DataError
from ftlab.storage.sealed_json import sealed

CPU = torch.device("cpu")
SIDES = [(9, 6), (6, 9), (30, 12), (5, 5), (12, 12), (40, 10)]


def write(root: Path, sides: list[tuple[int, int]], mode: str = "RGB") -> Path:
    """Write so many images of random pixels to each class of both splits."""
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (root / split / name).mkdir(parents=True)
            for number, (width, height) in enumerate(sides):
                random = np.random.default_rng([number, len(split), name == "cat"])
                pixels = random.integers(0, 256, (height, width, 3), np.uint8)
                Image.fromarray(pixels).convert(mode).save(root / split / name / f"{number}.png")
    return root


def load(root: Path, home: Path, short_side: int | None = 10, **settings: Any) -> ImageDataset:
    return load_dataset(DatasetSource("folder", root, 8, short_side=short_side, **settings), home)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "photos", SIDES)


def photos_of(dataset: ImageDataset) -> Photos:
    assert isinstance(dataset.train_images, Photos)
    return dataset.train_images


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_photos_keep_their_shape_and_are_never_enlarged(tmp_path: Path, mode: str) -> None:
    dataset = load(write(tmp_path / "photos", SIDES, mode), tmp_path)
    photos = photos_of(dataset)
    assert [(width, height) for height, width in photos.sizes[:6].tolist()] == [
        (9, 6),
        (6, 9),
        (25, 10),
        (5, 5),
        (10, 10),
        (40, 10),
    ]
    assert (len(photos), dataset.num_channels) == (12, 3 if mode == "RGB" else 1)
    for number in (0, 1, 3, 5):
        with Image.open(tmp_path / "photos/train/cat" / f"{number}.png") as image:
            expected = np.atleast_3d(np.asarray(image))
        np.testing.assert_array_equal(photos.photo(number), expected)
    pixels = np.concatenate([photos.photo(row).reshape(-1, dataset.num_channels) for row in range(12)]) / 255
    np.testing.assert_allclose(dataset.channel_mean, pixels.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(dataset.channel_std, pixels.std(axis=0), rtol=1e-12)


def test_photos_are_opened_from_the_cache(root: Path, tmp_path: Path) -> None:
    first = load(root, tmp_path)
    found = open_image_dataset(tmp_path / "cache" / first.fingerprint, "folder", ())
    assert found is not None
    assert found.channel_mean == first.channel_mean
    for name in ("pixels", "sizes", "starts"):
        np.testing.assert_array_equal(getattr(photos_of(found), name), getattr(photos_of(first), name))
    with pytest.raises(ValueError, match="read-only"):
        photos_of(found).photo(0)[0] = 0


@pytest.mark.parametrize("sides", [[(8, 8)] * 3, [(8, 8)]], ids=str)
def test_squares_of_one_size_are_what_they_were(tmp_path: Path, sides: list[tuple[int, int]]) -> None:
    root = write(tmp_path / "squares", sides)
    squares = load(root, tmp_path, None)
    for short_side in (8, 10, 512):
        found = load(root, tmp_path, short_side)
        assert found.fingerprint == squares.fingerprint
        np.testing.assert_array_equal(found.train_images, squares.train_images)  # type: ignore[arg-type]


@pytest.mark.parametrize("late", [0, 1, 4, 5])
def test_the_size_may_change_at_any_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: int) -> None:
    monkeypatch.setattr("ftlab.data.sets.decoding.CHUNK_BYTES", 3 * 10 * 10 * 2)  # two images a chunk
    sides = [(7, 7)] * 6
    sides[late] = (7, 9)
    photos = photos_of(load(write(tmp_path / "photos", sides), tmp_path))
    assert [(width, height) for height, width in photos.sizes.tolist()] == sides * 2
    for number in range(6):
        with Image.open(tmp_path / "photos/train/cat" / f"{number}.png") as image:
            np.testing.assert_array_equal(photos.photo(number), np.asarray(image))


def test_a_chunk_of_unreadable_files_leaves_squares_one_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftlab.data.sets.decoding.CHUNK_BYTES", 1)
    root = write(tmp_path / "squares", [(8, 8)] * 2)
    (root / "train/cat/0.png").write_bytes(b"none")
    assert load(root, tmp_path, 512, corrupt_images="skip").train_images.shape == (3, 3, 8, 8)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["train_images.npy", "train_sizes.npy", "test_sizes.npy", "meta.json"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped", "zeros"])
def test_damaged_photos_are_decoded_again(
    root: Path, tmp_path: Path, name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = load(root, tmp_path)
    pixels = np.array(photos_of(before).pixels)
    path = tmp_path / "cache" / before.fingerprint / name
    content = bytearray(path.read_bytes())
    path.unlink()
    flipped = bytes([*content[:-9], content[-9] ^ 16, *content[-8:]])
    damaged = {"truncated": content[:-5], "flipped": flipped, "zeros": content[:128] + bytes(len(content) - 128)}
    if damage != "missing":
        path.write_bytes(damaged[damage])
    after = load(root, tmp_path)
    np.testing.assert_array_equal(photos_of(after).pixels, pixels)
    assert name in caplog.text
    assert path.read_bytes() == content


def test_an_index_of_an_earlier_format_is_not_believed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was written: squares under an index whose digest knows no short side."""
    monkeypatch.setattr(decode_once, "CACHE_FORMAT", 1)
    old = load(root, tmp_path, None)
    monkeypatch.undo()
    indices = set((tmp_path / "cache/index").glob("*.json"))
    assert load(root, tmp_path, None).fingerprint == old.fingerprint
    assert load(root, tmp_path).fingerprint != old.fingerprint
    assert len(set((tmp_path / "cache/index").glob("*.json")) - indices) == 2


@pytest.mark.parametrize("shape", [[12], [12, 3, 8], [12, 4], [12, -3], [12, 10**30], [10**30, 3]], ids=str)
def test_a_description_of_other_photos_is_made_again(root: Path, tmp_path: Path, shape: list[int]) -> None:
    dataset = load(root, tmp_path)
    path = tmp_path / "cache" / dataset.fingerprint / "meta.json"
    meta = json.loads(path.read_bytes())
    meta.pop("checksum")
    path.write_bytes(sealed({**meta, "train_shape": shape}))
    assert load(root, tmp_path).fingerprint == dataset.fingerprint
    assert json.loads(path.read_bytes())["train_shape"] == [12, 3]


@pytest.mark.parametrize("name", ["digits", "cifar10", "stl10"])
def test_only_a_folder_has_a_short_side(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"data\.short_side keeps the shape of a folder's images, but got data\.name="):
        load_dataset(DatasetSource(name, None, 8, short_side=8), tmp_path)


@pytest.mark.parametrize("short_side", [None, 10])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_size_of_the_cache_is_foretold(tmp_path: Path, short_side: int | None, mode: str) -> None:
    root = write(tmp_path / "photos", SIDES, mode)
    dataset = load(root, tmp_path, short_side)
    reader = open_reader(DatasetSource("folder", root, 8, short_side=short_side), tmp_path)
    assert isinstance(reader, FolderReader)
    assert reader.decoded_bytes() == dataset.nbytes


def test_a_disk_that_is_too_small_is_named_before_it_is_full(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(decode_once.shutil, "disk_usage", lambda _folder: usage(9999, 0, 3000))
    with pytest.raises(DataError, match=r"must have room for about 0\.0 GB, but .*let FTLAB_CACHE"):
        load(root, tmp_path)


@pytest.mark.parametrize("num_views", [1, 6])
def test_what_is_read_ahead_is_as_large_as_the_views(root: Path, tmp_path: Path, num_views: int) -> None:
    photos = photos_of(load(root, tmp_path, 512))
    rows = [torch.arange(num_views)] * 8
    boxes = [torch.tensor([[0.0, 0.0, 1.0, 1.0]]).repeat(num_views, 1)] * 8
    ahead = ReadAhead(Crops(photos, boxes, 4), rows, CPU)
    found = [ahead.of_step(step) for step in range(8)]
    assert len({each.data_ptr() for each in found}) == STEPS_AHEAD + 1
    assert {each.shape for each in found} == {(num_views, 3, 4, 4)}


def test_photographs_cannot_be_gathered(root: Path, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="differ in size"):
        ResidentImages(load(root, tmp_path).train_images, CPU).gather(torch.arange(2))


@pytest.mark.parametrize("side", [96, 64])
def test_centres_of_squares_are_torchvisions(side: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 3, side, side), np.uint8)
    found = ResidentImages(images, CPU).centres(torch.arange(5), size=64, short_side=70)
    expected = v2.Compose([v2.Resize(70, antialias=True), v2.CenterCrop(64)])(torch.from_numpy(images))
    torch.testing.assert_close(found.float(), expected.float(), rtol=0, atol=1.0)
