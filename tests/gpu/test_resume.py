"""Bit-identical training on the device: of the same trial again, and resumed from a checkpoint."""

from collections.abc import Callable, Iterator
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

import pytest
import torch
from noted_warnings import noted_warnings
from same_bits import assert_same_bits, flatten

from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.storage.local import LocalFolder
from ftlab.training.checkpoint import CheckpointStore
from ftlab.training.trainer import Trainer

BuildTrainer = Callable[..., Trainer]
MakeImages = Callable[..., ImageDataset]
Build = Callable[[], Trainer]

TRANSFORM = {"positives": "extrapolate", "negatives": "interpolate", "granularity": "element"}
RESNET = {
    "model": {"backbone": "resnet18", "stem": "cifar", "feature_dim": 16, "bn_groups": 2},
    "train": {"epochs": 3, "precision": "bfloat16", "channels_last": True},
}
TRIALS: dict[str, dict[str, Any]] = {
    "small CNN": {},
    "small CNN, mixed in a random layer": {
        "mixing": {"name": "imix", "layers": "random"},
        "transform": {"negatives": "interpolate"},
    },
    "small CNN, its hardest negatives mixed": {"transform": {"negatives": "mochi", "hard_negatives": 8}},
    "ResNet-18": RESNET,
    "ResNet-18, ImageNet's stem": {**RESNET, "model": {**RESNET["model"], "stem": "imagenet"}},
}


@pytest.fixture(params=["as trials run", "cudnn.deterministic"])
def _kernels(request: pytest.FixtureRequest, device: torch.device) -> Iterator[None]:
    """Choose kernels: where trials differ as they run, but not with the flag, cuDNN's are to blame."""
    if request.param == "as trials run":
        yield
        return
    if device.type != "cuda":
        pytest.skip("only CUDA has cuDNN's kernels")
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    yield
    torch.backends.cudnn.deterministic = before


@pytest.fixture(params=TRIALS)
def build(
    request: pytest.FixtureRequest, device: torch.device, build_trainer: BuildTrainer, make_images: MakeImages
) -> Build:
    """Build the trainer of a trial of three epochs; on a GPU of batches as large as kernels are chosen for."""
    batch_size, size, steps = (128, 32, 3) if device.type == "cuda" else (8, 8, 1)
    changes = {"transform": TRANSFORM, **TRIALS[request.param]}
    changes["train"] = {"epochs": 3, **changes.get("train", {}), "batch_size": batch_size}
    changes["method"] = {"queue_size": 2 * batch_size + 8, "key_momentum": 0.9}
    images = make_images(steps * batch_size, size=size)
    return lambda: build_trainer(images, **changes)


def trained(trainer: Trainer, epochs: int) -> Trainer:
    list(islice(trainer.epochs(), epochs))
    return trainer


@pytest.mark.usefixtures("_kernels", "cuda")
def test_the_same_trial_trains_to_the_same_bits(build: Build) -> None:
    first, second = (trained(build(), 1).state_dict() for _ in range(2))
    assert_same_bits(first, second)


@pytest.mark.parametrize("build", ["small CNN", "ResNet-18"], indirect=True)
@pytest.mark.usefixtures("_kernels")
def test_resuming_is_bit_identical_to_never_having_stopped(build: Build, device: torch.device, tmp_path: Path) -> None:
    unstopped = trained(build(), 3)
    store = CheckpointStore(LocalFolder(tmp_path))
    store.save("prefix", trained(build(), 1).state_dict())
    resumed = build()
    resumed.load_state_dict(store.load("prefix", device))
    assert [result.epoch for result in resumed.epochs()] == [2, 3]
    assert_same_bits(resumed.state_dict(), unstopped.state_dict())
    names = [name for name, _ in flatten(resumed.state_dict())]
    for part in ("method/queue.keys", "momentum_buffer", "history/2/metrics/pretrain/loss", "history/2/histograms"):
        assert any(part in name for name in names), part


def test_no_operation_of_an_epoch_is_known_to_torch_as_nondeterministic(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else torch warns of every product
    trainer = build()
    before = torch.are_deterministic_algorithms_enabled()
    with noted_warnings(".*determinis") as complaints:
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            result = next(trainer.epochs())
        finally:
            torch.use_deterministic_algorithms(before)
    # Memory that nothing was written to is NaN there.
    assert all(isfinite(value) for value in result.metrics.values())
    assert sorted(set(complaints)) == []
