"""Patches beside the views of a batch: the same on any number of ranks, and no draw of the views moves."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ftlab.assembly.batches import make_batches
from ftlab.assembly.images import load_images
from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.config.trial import TrialConfig
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.data.cache.photos import Photos
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


def noise() -> ImageDataset:
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (10, 3, 20, 20), np.uint8), np.zeros(10, np.int64)
    return ImageDataset("noise", "", ("a",), images, labels, images, labels, (0.5,) * 3, (0.25,) * 3, ())


def epoch_of(
    method: type[PretrainingMethod[Any]], ranks: Ranks = ALONE, dataset: ImageDataset | None = None
) -> list[Views]:
    dataset = dataset or noise()
    train = ResidentImages(dataset.train_images, CPU)
    return list(make_batches(CONFIG, dataset, train, CPU, ranks, method).epoch(0))


def assert_a_rank_has_its_own(rank: int, dataset: ImageDataset) -> None:
    own = slice(rank * 9 * BATCH // 2, (rank + 1) * 9 * BATCH // 2)
    parts = epoch_of(Puzzler, OneOfTwo(rank), dataset)
    for alone, part in zip(epoch_of(Puzzler, dataset=dataset), parts, strict=True):
        assert alone.patches is not None
        assert part.patches is not None
        torch.testing.assert_close(part.patches, alone.patches[own])


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
    assert_a_rank_has_its_own(rank, noise())


@pytest.mark.parametrize("rank", [0, 1])
def test_patches_of_photographs(tmp_path: Path, rank: int) -> None:
    # Each photograph has one intensity, so that a patch tells where it is from.
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / split / name).mkdir(parents=True)
            for number, size in enumerate([(60, 40), (40, 70), (50, 50)]):
                level = 40 * (number + 3 * (name == "dog"))
                Image.new("RGB", size, (level,) * 3).save(tmp_path / split / name / f"{number}.bmp")
    data = DataConfig.model_validate({"name": "folder", "root": str(tmp_path), "short_side": 40})
    dataset = load_images(data, Home(str(tmp_path / "home")))
    assert isinstance(dataset.train_images, Photos)
    assert_a_rank_has_its_own(rank, dataset)
    (views,) = epoch_of(Puzzler, dataset=dataset)
    assert views.patches is not None
    levels = (views.patches * torch.tensor(dataset.channel_std)[:, None, None]).view(BATCH, 9, -1)
    torch.testing.assert_close(levels, levels[:, :1, :1].expand_as(levels), rtol=0, atol=1e-3)
    assert len(levels[:, 0, 0].mul(100).round().unique()) == BATCH
