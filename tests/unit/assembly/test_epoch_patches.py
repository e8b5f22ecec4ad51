"""Patches beside the views of a batch: the same on any number of ranks, and no draw of the views moves."""

import numpy as np
import pytest
import torch

from ftlab.assembly.batches import make_batches
from ftlab.config.trial import TrialConfig
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.data.cache.residency import ResidentImages
from ftlab.methods.method import PretrainingMethod, Views
from ftlab.methods.moco import MoCo
from ftlab.ranks.exchange import ALONE, Ranks

CPU = torch.device("cpu")
BATCH = 4
CONFIG = TrialConfig.model_validate(
    {
        "views": {"recipe": "moco_v2", "size": 14},
        "model": {"bn_groups": 2},
        "method": {"queue_size": 8},
        "train": {"batch_size": BATCH, "epochs": 2},
    }
)


class Puzzler(MoCo):
    takes_patches = True


class OneOfTwo(Ranks):
    """A rank beside another that is not there; views need nothing of it."""

    size = 2

    def __init__(self, rank: int) -> None:
        self.rank = rank


def epoch_of(method: type[PretrainingMethod], ranks: Ranks = ALONE) -> list[Views]:
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (10, 3, 20, 20), np.uint8), np.zeros(10, np.int64)
    dataset = ImageDataset("noise", "", ("a",), images, labels, images, labels, (0.5,) * 3, (0.25,) * 3, ())
    return list(make_batches(CONFIG, dataset, ResidentImages(images, CPU), CPU, ranks, method).epoch(0))


def test_a_batch_has_nine_patches_an_image() -> None:
    for views in epoch_of(Puzzler):
        assert views.patches is not None
        assert views.patches.shape == (9 * BATCH, 3, 4, 4)
        assert views.patches.isfinite().all()
    assert all(views.patches is None for views in epoch_of(MoCo))


def test_no_view_moves() -> None:
    for with_patches, without in zip(epoch_of(Puzzler), epoch_of(MoCo), strict=True):
        assert torch.equal(with_patches.order, without.order)
        assert all(torch.equal(*pair) for pair in zip(with_patches.images, without.images, strict=True))


@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_has_the_patches_of_its_own_images(rank: int) -> None:
    own = slice(rank * 9 * BATCH // 2, (rank + 1) * 9 * BATCH // 2)
    for alone, part in zip(epoch_of(Puzzler), epoch_of(Puzzler, OneOfTwo(rank)), strict=True):
        assert alone.patches is not None
        assert part.patches is not None
        torch.testing.assert_close(part.patches, alone.patches[own])
