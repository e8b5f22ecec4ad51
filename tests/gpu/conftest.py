"""The device that these tests are about: CUDA, or what FTLAB_TEST_DEVICE names, and small trials on it."""

import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of packages that torch finds beside itself, such as an old pynvml
    import torch

from torch import Tensor
from torch.nn import functional as F

from ftlab.assembly.process import prepare_process
from ftlab.assembly.trial_parts import make_trainer
from ftlab.config.experiment import ResourcesConfig
from ftlab.config.trial import TrialConfig
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.training.trainer import Trainer

UnitRows = Callable[..., Tensor]
MakeConfig = Callable[..., TrialConfig]
BuildTrainer = Callable[..., Trainer]

NUM_CLASSES = 4


@pytest.fixture(scope="session")
def device() -> torch.device:
    """The device under test, as `make_device` names it; without CUDA the test is skipped."""
    wanted = torch.device(os.environ.get("FTLAB_TEST_DEVICE", "cuda"))
    if wanted.type == "cuda" and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device; FTLAB_TEST_DEVICE=cpu tries these tests without one")
    return wanted


@pytest.fixture(scope="session")
def cuda(device: torch.device) -> torch.device:
    """The device, for what only CUDA has."""
    if device.type != "cuda":
        pytest.skip("only CUDA has streams, memory statistics and waits of the host")
    return device


@pytest.fixture(scope="session", autouse=True)
def _process(device: torch.device) -> Iterator[None]:
    """Prepare this process as that of a trial."""
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # so that it is restored
        prepare_process(ResourcesConfig(device=device.type, cpus_per_trial=1))
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def _exact_float32() -> Iterator[None]:
    """Keep TF32 out, whose products have 10 bits of mantissa and which torch lets convolutions use unless told."""
    switches: list[Any] = [torch.backends.cudnn, torch.backends.cuda.matmul]
    before = [switch.allow_tf32 for switch in switches]
    for switch in switches:
        switch.allow_tf32 = False
    yield
    for switch, allowed in zip(switches, before, strict=True):
        switch.allow_tf32 = allowed


@pytest.fixture
def unit_rows() -> UnitRows:
    """Random float32 rows of unit length on the CPU: `unit_rows(4, 8, seed=1)`."""

    def make(rows: int, dim: int, *, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return F.normalize(torch.randn(rows, dim, generator=generator))

    return make


@pytest.fixture
def make_generator(device: torch.device) -> Callable[[int], torch.Generator]:
    """A generator of the device: `make_generator(seed)`."""
    return lambda seed: torch.Generator(device).manual_seed(seed)


@pytest.fixture(scope="session")
def make_images() -> Callable[..., ImageDataset]:
    """Noise, brighter from class to class: `make_images(44, size=8, channels=3)`, and 16 test images."""

    def make(num_images: int, *, size: int = 8, channels: int = 3) -> ImageDataset:
        random = np.random.default_rng(0)

        def split(count: int) -> tuple[Any, Any]:
            labels = np.arange(count, dtype=np.int64) % NUM_CLASSES
            noise = random.integers(0, 100, (count, channels, size, size))
            return (noise + 50 * labels[:, None, None, None]).astype(np.uint8), labels

        (train, train_labels), (test, test_labels) = split(num_images), split(16)
        return ImageDataset(
            name="noise",
            fingerprint="0" * 32,
            class_names=tuple("abcd"),
            train_images=train,
            train_labels=train_labels,
            test_images=test,
            test_labels=test_labels,
            channel_mean=(0.5,) * channels,
            channel_std=(0.25,) * channels,
            skipped=(),
        )

    return make


@pytest.fixture(scope="session")
def make_config() -> MakeConfig:
    """The settings of a tiny trial: `make_config(transform={"positives": "extrapolate"}, seed=1)`."""

    def make(*, seed: int = 0, **changes: dict[str, Any]) -> TrialConfig:
        sections: dict[str, dict[str, Any]] = {
            "views": {"recipe": "moco_v2"},
            "model": {"feature_dim": 8, "bn_groups": 2},
            "method": {"queue_size": 20, "key_momentum": 0.9},
            "train": {"epochs": 3, "batch_size": 8},
            "probe": {
                "every": 1,
                "knn_k": 3,
                "few_shot_labels": 2,
                "few_shot_draws": 2,
                "linear_epochs": 1,
                "linear_batch_size": 16,
            },
        }
        for name, values in changes.items():
            sections[name] = {**sections.get(name, {}), **values}
        return TrialConfig.model_validate({"seed": seed, **sections})

    return make


@pytest.fixture
def build_trainer(device: torch.device, make_config: MakeConfig) -> BuildTrainer:
    """A trainer on the device: `build_trainer(images, **changes)`, with the changes of `make_config`."""
    return lambda images, **changes: make_trainer(make_config(**changes), images, device)
