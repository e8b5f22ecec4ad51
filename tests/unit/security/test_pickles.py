"""Nothing that a user can hand in is unpickled, but CIFAR's own files, whose checksums are known."""

import io
import os
import pickle
import zipfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch

from ftlab.data.cache.decode_once import load_dataset
from ftlab.data.cache.image_dataset import open_image_dataset
from ftlab.data.sets.catalogue import DatasetSource
from ftlab.errors import CheckpointError, DataError
from ftlab.storage.local import LocalFolder
from ftlab.training.checkpoint import CheckpointStore


class Malicious:
    """Makes a folder when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


@pytest.fixture
def owned(tmp_path: Path) -> Path:
    """The folder that a `Malicious` object would make."""
    return tmp_path / "owned"


@pytest.mark.parametrize(("name", "folder"), [("cifar10", "cifar-10-batches-py"), ("cifar100", "cifar-100-python")])
def test_cifar_is_unpickled_after_its_checksum_alone(name: str, folder: str, owned: Path, tmp_path: Path) -> None:
    from torchvision import datasets

    (tmp_path / folder).mkdir()
    kind = getattr(datasets, name.upper())
    for file in (*(entry[0] for entry in kind.train_list + kind.test_list), kind.meta["filename"]):
        (tmp_path / folder / file).write_bytes(pickle.dumps(Malicious(owned)))
    with pytest.raises(DataError, match="incomplete or damaged"):
        load_dataset(DatasetSource(name, tmp_path, 32), tmp_path)
    assert not owned.exists()


def test_the_old_form_of_fashion_mnist_runs_no_code(owned: Path, tmp_path: Path) -> None:
    for folder in ("processed", "raw"):
        (tmp_path / "FashionMNIST" / folder).mkdir(parents=True)
    (tmp_path / "FashionMNIST" / "raw" / "train-images-idx3-ubyte").touch()
    for file in ("training.pt", "test.pt"):
        torch.save(Malicious(owned), tmp_path / "FashionMNIST" / "processed" / file)
    with pytest.raises(DataError, match="incomplete or damaged"):
        load_dataset(DatasetSource("fashion_mnist", tmp_path, 28), tmp_path)
    assert not owned.exists()


def test_the_image_cache_holds_numbers_alone(owned: Path, tmp_path: Path) -> None:
    dataset = load_dataset(DatasetSource("digits", None, 8), tmp_path)
    folder = tmp_path / "cache" / dataset.fingerprint
    for name in ("train_labels.npy", "train_images.npy"):
        sound = (folder / name).read_bytes()
        np.save(folder / name, np.array([Malicious(owned)], dtype=object), allow_pickle=True)
        assert open_image_dataset(folder, "digits", ()) is None
        assert not owned.exists()
        (folder / name).write_bytes(sound)


def archive_without_pickle() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/version", "3")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "payload", [b"", b"PK\x03\x04", archive_without_pickle(), pickle.dumps({"a": 1}, protocol=2), b"\x80\x02."]
)
def test_a_sealed_checkpoint_of_anything_else_is_refused(payload: bytes, tmp_path: Path) -> None:
    store = CheckpointStore(LocalFolder(tmp_path))
    store.folder.write("a.ckpt", sha256(payload).digest() + payload)
    with pytest.raises(CheckpointError, match="must hold tensors and plain values alone"):
        store.load("a", "cpu")
