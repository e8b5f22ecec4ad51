from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ftlab.errors import CheckpointError
from ftlab.storage.digest_files import digest_of, key_of
from ftlab.storage.local import LocalFolder
from ftlab.training.backbone_store import BackboneStore, KeptBackbone
from ftlab.training.epoch_result import EpochResult

KEY = "0123456789abcdef" * 2
KEPT = KeptBackbone(
    encoder={
        "backbone.weight": torch.arange(6, dtype=torch.float64).reshape(2, 3).T / 7,
        "backbone.running_mean": torch.ones(4, 2),
        "steps": torch.tensor(3),
    },
    history=[EpochResult(1, 2.5, {"knn/top1": 80.1, "loss": float("nan")}, histograms={"x": [1, 2]}, right={"a": [3]})],
    trial_key="trial",
    evaluations={"knn": "k", "linear": "l"},
)


@pytest.fixture
def store(tmp_path: Path) -> BackboneStore:
    return BackboneStore(LocalFolder(tmp_path / "backbones"))


def file_of(store: BackboneStore) -> Path:
    (name,) = store.folder.names()
    return Path(str(store.folder)) / name


def test_a_backbone_comes_back_as_float32_with_its_history(store: BackboneStore) -> None:
    digest = store.save(KEY, KEPT)
    found = store.load(KEY)
    assert found is not None
    kept, read_digest = found
    assert read_digest == digest == digest_of(file_of(store).name)
    assert kept.encoder["backbone.weight"].dtype == torch.float32
    assert kept.encoder["steps"].dtype == torch.int64
    for name, value in KEPT.encoder.items():
        assert torch.equal(kept.encoder[name], value.to(kept.encoder[name].dtype))
    assert repr(kept.history) == repr(KEPT.history)  # NaN differs from itself
    assert (kept.trial_key, kept.evaluations) == ("trial", {"knn": "k", "linear": "l"})


def test_the_same_backbone_has_the_same_bytes(store: BackboneStore) -> None:
    assert len({store.save(KEY, KEPT) for _ in range(5)}) == 1
    assert len(store.folder.names()) == 1


def test_a_backbone_takes_the_place_of_another_one_of_its_pretraining(store: BackboneStore) -> None:
    first = store.save(KEY, KEPT)
    second = store.save(KEY, replace(KEPT, trial_key="another"))
    other = store.save("f" * 32, KEPT)
    assert first == other != second
    assert {(key_of(name), digest_of(name)) for name in store.folder.names()} == {(KEY, second), ("f" * 32, other)}
    assert store.keys() == {KEY, "f" * 32}


def test_there_may_be_none(store: BackboneStore) -> None:
    assert store.load(KEY) is None
    assert store.keys() == set()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: bytes([content[0] ^ 1]) + content[1:],
        lambda content: content[: len(content) // 2],
        lambda _: b"",
    ],
)
def test_a_damaged_file_is_named_and_set_aside(
    store: BackboneStore, damage: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    store.save(KEY, KEPT)
    path = file_of(store)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CheckpointError, match=rf"backbone .*{path.name} must be as it was kept, but it is truncated"):
        store.load(KEY)
    assert path.name in caplog.text
    assert store.keys() == set()
    assert file_of(store).name.startswith(f"{path.name}.damaged-")


def test_a_file_with_the_right_digest_and_another_content_is_refused(store: BackboneStore) -> None:
    from hashlib import sha256

    from safetensors.torch import save

    for content in (b"pickled", save({"a": torch.ones(1)}), save({"a": torch.ones(1)}, {"ftlab": '{"format": 2}'})):
        digest = sha256(content).hexdigest()[:32]
        store.folder.write(f"{KEY}-{digest}.safetensors", content)
        with pytest.raises(CheckpointError, match="must be as it was kept"):
            store.load(KEY)
