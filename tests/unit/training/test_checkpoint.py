import os
import resource
import signal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch

from ftlab.errors import CheckpointError, StorageError
from ftlab.storage.local import LocalFolder
from ftlab.storage.location import open_folder
from ftlab.training.checkpoint import CheckpointStore


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> CheckpointStore:
    place = str(tmp_path) if request.param == "local" else request.getfixturevalue("object_store").make_location()
    return CheckpointStore(open_folder(place, "checkpoints"))


@pytest.fixture
def state() -> dict[str, Any]:
    return {
        "weights": torch.arange(6, dtype=torch.float32).view(2, 3) / 7,
        "sums": torch.tensor([0.1], dtype=torch.float64),
        "pointer": torch.tensor(3),
        "history": [{"epoch": 1, "metrics": {"pretrain/loss": 0.1 + 0.2}, "histograms": {"scores/positive": [1, 2]}}],
    }


def test_what_was_saved_is_loaded(store: CheckpointStore, state: dict[str, Any]) -> None:
    store.save("a", state)
    loaded = store.load("a", "cpu")
    assert loaded.keys() == state.keys()
    assert loaded["history"] == state["history"]
    for name in ("weights", "sums", "pointer"):
        assert loaded[name].dtype == state[name].dtype
        assert torch.equal(loaded[name], state[name])


def test_names(store: CheckpointStore, state: dict[str, Any]) -> None:
    assert list(store.names()) == []
    assert not store.exists("a")
    for name in ("a", "b", "c"):
        store.save(name, state)
    store.folder.write("unrelated.txt", b"")
    assert sorted(store.names()) == ["a", "b", "c"]
    store.delete(["a", "c", "never saved"])
    assert list(store.names()) == ["b"]
    assert store.exists("b")
    assert not store.exists("a")


def test_saving_again_replaces(store: CheckpointStore) -> None:
    store.save("a", {"epoch": 1})
    store.save("a", {"epoch": 2})
    assert store.load("a", "cpu") == {"epoch": 2}
    assert store.folder.names() == ["a.ckpt"]


def test_a_missing_checkpoint(store: CheckpointStore) -> None:
    with pytest.raises(CheckpointError, match=r"checkpoints/a.ckpt must be there, but is missing"):
        store.load("a", "cpu")


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 200, -1])
def test_a_truncated_file(store: CheckpointStore, state: dict[str, Any], size: int) -> None:
    store.save("a", state)
    content = store.folder.read("a.ckpt")
    store.folder.write("a.ckpt", content[:size])
    with pytest.raises(CheckpointError, match="is truncated or altered"):
        store.load("a", "cpu")


@pytest.mark.parametrize("position", [0, 31, 32, 500, -1])
def test_a_flipped_byte(store: CheckpointStore, state: dict[str, Any], position: int) -> None:
    store.save("a", state)
    content = bytearray(store.folder.read("a.ckpt"))
    content[position] ^= 1
    store.folder.write("a.ckpt", bytes(content))
    with pytest.raises(CheckpointError, match="is truncated or altered"):
        store.load("a", "cpu")


def test_a_disk_that_is_full(tmp_path: Path, state: dict[str, Any]) -> None:
    store = CheckpointStore(LocalFolder(tmp_path / "checkpoints"))
    store.save("a", state)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
        with pytest.raises(CheckpointError, match=r"checkpoint a could not be written to .*checkpoints: .*too large"):
            store.save("a", {"other": torch.zeros(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert store.load("a", "cpu")["history"] == state["history"]


def test_a_checkpoint_that_cannot_be_reached_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "checkpoints" / "a.ckpt").mkdir(parents=True)
    with pytest.raises(StorageError, match="Is a directory"):
        CheckpointStore(LocalFolder(tmp_path / "checkpoints")).load("a", "cpu")


class Malicious:
    """Runs code when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


def test_pickled_code_is_refused(store: CheckpointStore, tmp_path: Path) -> None:
    store.save("a", {"weights": torch.ones(2), "payload": Malicious(tmp_path / "owned")})
    with pytest.raises(CheckpointError, match="must hold tensors and plain values alone"):
        store.load("a", "cpu")
    assert not (tmp_path / "owned").exists()


def test_a_payload_that_torch_did_not_write(store: CheckpointStore) -> None:
    store.folder.write("a.ckpt", sha256(b"no archive").digest() + b"no archive")
    with pytest.raises(CheckpointError, match="must hold tensors and plain values alone"):
        store.load("a", "cpu")
