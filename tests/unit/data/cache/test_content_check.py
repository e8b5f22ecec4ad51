import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from ftlab.data.cache import content_check
from ftlab.data.cache.decode_once import DatasetSource, ImageDataset, load_dataset

ARRAYS = ("train_images.npy", "train_labels.npy", "test_images.npy", "test_labels.npy")
FINGERPRINT = "a5c30de5c08194a6ec1957ccadfe4798"


def load(home: Path) -> ImageDataset:
    return load_dataset(DatasetSource("digits", None, 8), home)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("digits")
    load(home)
    return home


@pytest.fixture
def folder(digits: Path, tmp_path: Path) -> Path:
    shutil.copytree(digits / "cache", tmp_path / "cache")
    return tmp_path / "cache" / FINGERPRINT


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 16
    path.write_bytes(content)


def as_before(folder: Path) -> Path:
    """Make the description what it was before it had a checksum."""
    meta = json.loads((folder / "meta.json").read_bytes())
    old = {name: part for name, part in meta.items() if name not in ("digests", "checksum")}
    (folder / "meta.json").write_text(json.dumps(old, indent=1))
    return folder / "meta.json"


def assert_whole(dataset: ImageDataset, digits: Path) -> None:
    known = load(digits)
    assert dataset.fingerprint == FINGERPRINT
    assert (dataset.channel_mean, dataset.channel_std) == (known.channel_mean, known.channel_std)
    assert dataset.class_names == known.class_names
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        np.testing.assert_array_equal(getattr(dataset, name), getattr(known, name))


def test_inverted_images_are_decoded_again(folder: Path, digits: Path, caplog: pytest.LogCaptureFixture) -> None:
    images = np.load(folder / "train_images.npy")
    images[:200] = 255 - images[:200]
    np.save(folder / "train_images.npy", images)
    assert_whole(load(folder.parent.parent), digits)
    assert f"{folder} is damaged (train_images.npy must have the digest that names it, but has not)" in caplog.text


@pytest.mark.parametrize("name", [*ARRAYS, "meta.json"])
@pytest.mark.parametrize("place", [9, 70, -9])
def test_a_flipped_bit_of_any_file_is_named_and_made_again(
    folder: Path, digits: Path, name: str, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    flip(folder / name, place)
    assert_whole(load(folder.parent.parent), digits)
    assert name in caplog.text
    assert (folder / name).read_bytes() == (digits / "cache" / FINGERPRINT / name).read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "7",
        "{}",
        '{"fingerprint": "../../etc", "name": "digits", "skipped": []}',
        '{"fingerprint": 1}',
        "[" * 9999,
    ],
)
def test_an_index_of_another_shape_is_set_aside(
    folder: Path, digits: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (index,) = (folder.parent / "index").glob("*.json")
    index.write_text(text)
    assert_whole(load(folder.parent.parent), digits)
    assert f"{index} is damaged" in caplog.text
    (kept,) = index.parent.glob("*.damaged-*")
    assert kept.read_text() == text


@pytest.mark.parametrize(
    "change",
    [
        {"class_names": None},
        {"class_names": {"a": 1}},
        {"train_shape": [10**30, 1, 8, 8]},
        {"train_shape": [-1, 1, 8, 8]},
        {"test_shape": []},
        {"channel_mean": "abc"},
        {"train_label_counts": [True]},
        {"train_label_counts": 3},
    ],
)
def test_a_description_of_another_shape_is_made_again(folder: Path, digits: Path, change: dict[str, object]) -> None:
    path = as_before(folder)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert_whole(load(folder.parent.parent), digits)


def test_a_cache_of_before_is_read_and_its_statistics_are_computed_again(
    folder: Path, digits: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = as_before(folder)
    path.write_text(path.read_text().replace('"channel_mean": [\n  0.', '"channel_mean": [\n  0.9'))
    images = (folder / "train_images.npy").stat().st_ino
    assert_whole(load(folder.parent.parent), digits)
    assert (folder / "train_images.npy").stat().st_ino == images
    assert path.read_bytes() == (digits / "cache" / FINGERPRINT / "meta.json").read_bytes()
    assert caplog.text == ""


def test_a_large_cache_is_digested_when_its_files_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(content_check, "FULL_BYTES", 1000)
    digested: list[int] = []
    digest = content_check.digest_array
    monkeypatch.setattr(content_check, "digest_array", lambda array: digested.append(1) or digest(array))

    def load_as_a_new_process() -> int:
        monkeypatch.setattr(content_check, "_checked", {})
        digested.clear()
        load(folder.parent.parent)
        return len(digested)

    # The copy has other inodes and times than the original.
    assert [load_as_a_new_process() for _ in range(3)] == [4, 0, 0]
    (folder / "test_labels.npy").touch()
    assert [load_as_a_new_process() for _ in range(2)] == [4, 0]
    (folder / "checked.json").write_text("{}")
    assert [load_as_a_new_process() for _ in range(2)] == [4, 0]
    with caplog.at_level(logging.WARNING):
        flip(folder / "test_images.npy", -1)
        load_as_a_new_process()
    assert "test_images.npy must have the digest that names it" in caplog.text


def test_a_cache_is_digested_once_in_a_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(folder.parent.parent)
    monkeypatch.setattr(content_check, "digest_array", None)
    load(folder.parent.parent)
