import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch

from ftlab.errors import CheckpointError
from ftlab.training.checkpoint import CheckpointStore


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints")


@pytest.fixture
def state() -> dict[str, Any]:
    return {
        "weights": torch.arange(6, dtype=torch.float32).view(2, 3) / 7,
        "sums": torch.tensor([0.1], dtype=torch.float64),
        "pointer": torch.tensor(3),
        "history": [{"epoch": 1, "metrics": {"pretrain/loss": 0.1 + 0.2}, "histograms": {"scores/positive": [1, 2]}}],
    }


def path_of(store: CheckpointStore, name: str) -> Path:
    return store.folder / f"{name}.ckpt"


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
    (store.folder / "unrelated.txt").touch()
    assert sorted(store.names()) == ["a", "b", "c"]
    store.delete(["a", "c", "never saved"])
    assert list(store.names()) == ["b"]
    assert store.exists("b")
    assert not store.exists("a")


def test_saving_again_replaces(store: CheckpointStore) -> None:
    store.save("a", {"epoch": 1})
    store.save("a", {"epoch": 2})
    assert store.load("a", "cpu") == {"epoch": 2}
    assert [path.name for path in store.folder.iterdir()] == ["a.ckpt"]


def test_a_missing_checkpoint(store: CheckpointStore) -> None:
    with pytest.raises(CheckpointError, match="could not be read"):
        store.load("a", "cpu")


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 200, -1])
def test_a_truncated_file(store: CheckpointStore, state: dict[str, Any], size: int) -> None:
    store.save("a", state)
    content = path_of(store, "a").read_bytes()
    path_of(store, "a").write_bytes(content[:size])
    with pytest.raises(CheckpointError, match="is truncated or altered"):
        store.load("a", "cpu")


@pytest.mark.parametrize("position", [0, 31, 32, 500, -1])
def test_a_flipped_byte(store: CheckpointStore, state: dict[str, Any], position: int) -> None:
    store.save("a", state)
    content = bytearray(path_of(store, "a").read_bytes())
    content[position] ^= 1
    path_of(store, "a").write_bytes(content)
    with pytest.raises(CheckpointError, match="is truncated or altered"):
        store.load("a", "cpu")


def test_a_crash_while_writing_leaves_the_old_file(
    store: CheckpointStore, state: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    store.save("a", state)
    before = path_of(store, "a").read_bytes()
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(CheckpointError, match=r"could not be written .* No space left on device"):
        store.save("a", {"other": 1})
    assert path_of(store, "a").read_bytes() == before
    assert [path.name for path in store.folder.iterdir()] == ["a.ckpt"]


def test_an_interrupt_while_writing_leaves_the_old_file(
    store: CheckpointStore, state: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    store.save("a", state)
    before = path_of(store, "a").read_bytes()
    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.save("a", {"other": 1})
    assert path_of(store, "a").read_bytes() == before
    assert [path.name for path in store.folder.iterdir()] == ["a.ckpt"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="could not be written"):
        CheckpointStore(tmp_path / "file" / "checkpoints").save("a", {})


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
    store.folder.mkdir()
    path_of(store, "a").write_bytes(sha256(b"no archive").digest() + b"no archive")
    with pytest.raises(CheckpointError, match="must hold tensors and plain values alone"):
        store.load("a", "cpu")
