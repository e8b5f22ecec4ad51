"""Waits of the host for the device, counted by torch's synchronisation debug mode."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

import pytest
import torch
from noted_warnings import Note, noted_warnings
from torch import Tensor

from ftlab.data.cache import residency
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.training import trainer as training
from ftlab.training.trainer import STEPS_BETWEEN_LATE_CHECKS, Trainer

BuildTrainer = Callable[..., Trainer]
MakeImages = Callable[..., ImageDataset]

STEPS = 40
BOTH = {"positives": "extrapolate", "negatives": "interpolate"}
TRIALS: dict[str, dict[str, Any]] = {
    "plain": {},
    "both": {"transform": BOTH},
    "element, union, original query, renormalised": {
        "transform": {
            **BOTH,
            "negatives": "interpolate_union",
            "granularity": "element",
            "query_for_negatives": "original",
            "renormalise": True,
        }
    },
    "mochi": {"transform": {"negatives": "mochi", "hard_negatives": 4, "hard_mixtures": 4, "query_mixtures": 2}},
    "unmix": {"mixing": {"name": "unmix"}},
    "imix in a random layer": {"mixing": {"name": "imix", "layers": "random"}},
    "bfloat16, channels last, images read ahead": {
        "train": {"epochs": 3, "batch_size": 8, "precision": "bfloat16", "channels_last": True}
    },
}


@contextmanager
def noted_waits() -> Iterator[list[Note]]:
    """Yield a list that grows with each wait of this thread; the one that reads images ahead may wait."""
    with noted_warnings("called a synchronizing") as waits:
        warnings.filterwarnings("ignore", message="Synchronization debug mode is a prototype")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield waits
        finally:
            torch.cuda.set_sync_debug_mode("default")


@pytest.fixture(params=TRIALS)
def trainer(
    request: pytest.FixtureRequest,
    cuda: torch.device,
    build_trainer: BuildTrainer,
    make_images: MakeImages,
    monkeypatch: pytest.MonkeyPatch,
) -> Trainer:
    """A trainer with one epoch behind it, so that what happens once has happened."""
    if "read ahead" in request.param:
        monkeypatch.setattr(residency, "DEVICE_SHARE", 0.0)
    trainer = build_trainer(make_images(8 * STEPS), **TRIALS[request.param])
    next(trainer.epochs())
    return trainer


def test_a_warning_is_noted_with_its_place_and_no_other(
    build_trainer: BuildTrainer, make_images: MakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def warn(losses: Tensor) -> Tensor:
        warnings.warn("called a synchronizing operation", stacklevel=1)
        return losses == losses

    trainer = build_trainer(make_images(8))
    losses = torch.zeros(1, device=trainer.device)
    monkeypatch.setattr(torch, "isfinite", warn)
    with noted_warnings("called a synchronizing") as notes:
        trainer._refuse_non_finite(losses, epoch=0, step=0)
        with pytest.raises(UserWarning, match="another"):
            warnings.warn("another", stacklevel=1)
    assert [(note.place.partition(":")[0], note.function) for note in notes] == [
        ("training/trainer.py", "_refuse_non_finite")
    ]


def test_the_debug_mode_of_torch_notes_a_wait(
    cuda: torch.device, build_trainer: BuildTrainer, make_images: MakeImages
) -> None:
    trainer, losses = build_trainer(make_images(8)), torch.zeros(1, device=cuda)
    with noted_waits() as waits:
        trainer._refuse_non_finite(losses, epoch=0, step=0)
    assert {wait.function for wait in waits} == {"_refuse_non_finite"}, waits


def test_steps_wait_for_nothing(trainer: Trainer) -> None:
    """But for the loss, which is looked at every `STEPS_BETWEEN_LATE_CHECKS` steps and after the last."""
    with noted_waits() as waits:
        for _ in islice(trainer.steps(1), STEPS - 1):
            pass
    assert len(waits) == (STEPS - 1) // STEPS_BETWEEN_LATE_CHECKS, waits


def test_an_epoch_waits_for_its_losses_now_and_then_and_for_its_statistics_at_the_end(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "STEPS_BETWEEN_LATE_CHECKS", 10)
    found: dict[int, set[Note]] = {}
    with noted_waits() as waits:
        for step, _ in enumerate(trainer.steps(1), start=1):
            if waits:
                found[step] = set(waits)
                waits.clear()
    functions = {step: {wait.function for wait in waits} for step, waits in found.items()}
    assert functions == {step: {"_refuse_non_finite"} for step in (10, 20, 30, STEPS)}, found
