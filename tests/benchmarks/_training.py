"""Trainers on images made up for timing, and the least that any trainer must do."""

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ftlab.assembly.images import load_images
from ftlab.assembly.process import keep_freed_memory
from ftlab.assembly.trial_parts import make_trainer
from ftlab.config.home import Home
from ftlab.config.sections.moco_section import MoCoSection
from ftlab.config.trial import TrialConfig
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.methods.method import Views
from ftlab.methods.moco import MoCo
from ftlab.study.spec import load_study
from ftlab.training.trainer import EpochSums, Trainer


def cell_config(profile: str, cell: str = "both", **overrides: Any) -> TrialConfig:
    """Return the settings of a cell of the experiment ``components``, without probes, with FT from the first epoch.

    Args:
        profile: Name of the profile.
        cell: Name of the cell; ``both`` transforms positives and negatives.
        **overrides: Settings by dotted name, with ``__`` for a dot.
    """
    settings = {name.replace("__", "."): value for name, value in overrides.items()}
    if cell != "none":
        settings = {"transform.start": 0.0, **settings}
    study = load_study("components", profile, overrides={"probe.every": 0, **settings})
    return next(found.config for found in study.cells if found.name == cell)


def load_digits() -> ImageDataset:
    """Return the embedded digits from a cache of their own, whose mapped files outlive their folder."""
    with tempfile.TemporaryDirectory() as home:
        return load_images(load_study("components", "digits").data, Home(home))


def load_like(profile: str) -> ImageDataset:
    """Return the embedded digits for the profile ``digits``, else as many random images as ``photos`` has."""
    return load_digits() if profile == "digits" else make_images(12_500, 32)


def make_images(num_images: int, size: int, num_channels: int = 3) -> ImageDataset:
    """Return random uint8 images; the time of a step does not depend on what they show."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (num_images, num_channels, size, size), dtype=np.uint8)
    labels = random.integers(0, 10, num_images)
    return ImageDataset(
        name="random",
        fingerprint="0" * 32,
        class_names=tuple("abcdefghij"),
        train_images=images,
        train_labels=labels,
        test_images=images[:10],
        test_labels=labels[:10],
        channel_mean=(0.5,) * num_channels,
        channel_std=(0.25,) * num_channels,
        skipped=(),
    )


class OurSteps:
    """Whole training steps of ftlab: data path, FT, loss, backward pass, statistics, optimiser, moving average, queue.

    Args:
        config: The trial.
        dataset: Its images.
        device: Device of the training.
    """

    def __init__(self, config: TrialConfig, dataset: ImageDataset, device: torch.device) -> None:
        keep_freed_memory()
        self.trainer: Trainer = make_trainer(config, dataset, device)
        self._device = device
        self._steps = self._forever()

    def run(self, num_steps: int) -> None:
        """Train, and wait until the device has."""
        for _ in range(num_steps):
            next(self._steps)
        wait_for(self._device)

    def _forever(self) -> Iterator[EpochSums]:
        while True:
            yield from self.trainer.steps(0)


class BareEncoders:
    """The query encoder's forward and backward pass and the key encoder's forward pass, and nothing else.

    Without data path, loss, queue, statistics, optimiser and moving average: no trainer of these encoders is faster.

    Args:
        method: Holds the encoders.
        views: The views that are encoded, repeatedly.
        device: Device of both.
    """

    def __init__(self, method: MoCo, views: Views, device: torch.device) -> None:
        self._method = method
        self._views = views
        self._device = device

    def run(self, num_steps: int) -> None:
        """Encode, and wait until the device has."""
        method = self._method
        for _ in range(num_steps):
            method.query_encoder.zero_grad(set_to_none=True)
            with torch.autocast(self._device.type, method.precision, enabled=method.precision != torch.float32):
                projections: Tensor = method.query_encoder(self._views.images[0])
                with torch.no_grad():
                    method.key_encoder(self._views.images[1])
            projections.float().sum().backward()
        wait_for(self._device)


def moco_settings(config: TrialConfig) -> MoCoSection:
    """Return the section ``method`` of a trial of MoCo."""
    assert isinstance(config.method, MoCoSection)
    return config.method


def bare_encoders(ours: OurSteps, device: torch.device) -> BareEncoders:
    """Return the bare encoders of a trainer, with views of its first step."""
    views = next(iter(ours.trainer.batches.epoch(0)))
    method = ours.trainer.method
    assert isinstance(method, MoCo)
    return BareEncoders(method, views, device)


def wait_for(device: torch.device) -> None:
    """Return when everything asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def peak_megabytes(device: torch.device, run: Callable[[], None]) -> float | None:
    """Return the peak memory of a call on a GPU, in MB; None on a CPU."""
    if device.type != "cuda":
        run()
        return None
    torch.cuda.reset_peak_memory_stats(device)
    run()
    return round(torch.cuda.max_memory_allocated(device) / 1e6)
