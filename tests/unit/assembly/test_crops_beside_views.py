"""Small crops beside the views of a batch: seeded, the same on any number of ranks, and no draw of the views moves."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ftlab.assembly import batches
from ftlab.assembly.batches import make_batches
from ftlab.assembly.images import load_images
from ftlab.config.home import Home
from ftlab.config.sections.data_section import DataConfig
from ftlab.config.trial import TrialConfig
from ftlab.data.cache import residency
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.data.cache.photos import Photos
from ftlab.data.cache.residency import ResidentImages
from ftlab.data.views.recipes import ViewRecipe
from ftlab.methods.method import Views
from ftlab.methods.swav import SwAV
from ftlab.ranks.exchange import ALONE, Ranks

CPU = torch.device("cpu")
BATCH, SIDE = 4, 40
MULTI_CROP: dict[str, Any] = {"small_crops": 3, "small_size": 6, "small_scale": [0.05, 0.14]}


class OneOfTwo(Ranks):
    """A rank beside another that is not there; views need nothing of it."""

    size = 2

    def __init__(self, rank: int) -> None:
        self.rank = rank


@pytest.fixture
def _crops_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a recipe change nothing but the crop."""
    monkeypatch.setattr(batches, "find_recipe", lambda _name: ViewRecipe(crop_scale=(0.2, 1.0)))


def noise() -> ImageDataset:
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (10, 3, 20, 20), np.uint8), np.zeros(10, np.int64)
    return ImageDataset("noise", "", ("a",), images, labels, images, labels, (0.5,) * 3, (0.25,) * 3, ())


def photographs(folder: Path) -> ImageDataset:
    """Return photographs of one intensity each, so that a crop tells where it is from."""
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (folder / split / name).mkdir(parents=True)
            for number, size in enumerate([(60, 40), (40, 70), (50, 50)]):
                level = 40 * (number + 3 * (name == "dog"))
                Image.new("RGB", size, (level,) * 3).save(folder / split / name / f"{number}.bmp")
    data = DataConfig.model_validate({"name": "folder", "root": str(folder), "short_side": SIDE})
    return load_images(data, Home(str(folder / "home")))


def epoch_of(dataset: ImageDataset, views: dict[str, Any], ranks: Ranks = ALONE, epoch: int = 0) -> list[Views]:
    sections = {"method": {"name": "swav"}, "train": {"batch_size": BATCH, "epochs": 2}, "model": {"bn_groups": 2}}
    config = TrialConfig.model_validate({**sections, "views": {"recipe": "moco_v2", "size": 14, **views}})
    train = ResidentImages(dataset.train_images, CPU)
    return list(make_batches(config, dataset, train, CPU, ranks, SwAV).epoch(epoch))


def crops_of(epoch: list[Views]) -> list[Tensor]:
    crops = [views.small for views in epoch]
    assert all(crop is not None for crop in crops)
    return [crop for crop in crops if crop is not None]


def assert_a_rank_has_its_own(rank: int, dataset: ImageDataset) -> None:
    own = slice(rank * 3 * BATCH // 2, (rank + 1) * 3 * BATCH // 2)
    pairs = zip(
        crops_of(epoch_of(dataset, MULTI_CROP)), crops_of(epoch_of(dataset, MULTI_CROP, OneOfTwo(rank))), strict=True
    )
    for alone, part in pairs:
        torch.testing.assert_close(part, alone[own])


def test_a_batch_has_some_of_each_image() -> None:
    for small in crops_of(epoch_of(noise(), MULTI_CROP)):
        assert small.shape == (3 * BATCH, 3, 6, 6)
        assert small.isfinite().all()
    assert all(views.small is None for views in epoch_of(noise(), {}))


def test_no_view_moves() -> None:
    for with_crops, without in zip(epoch_of(noise(), MULTI_CROP), epoch_of(noise(), {}), strict=True):
        assert torch.equal(with_crops.order, without.order)
        assert all(torch.equal(*pair) for pair in zip(with_crops.images, without.images, strict=True))


def test_the_seed_and_the_epoch_decide_them() -> None:
    first, again, later = (crops_of(epoch_of(noise(), MULTI_CROP, epoch=epoch))[0] for epoch in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, later)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_has_the_crops_of_its_own_images(rank: int) -> None:
    assert_a_rank_has_its_own(rank, noise())


@pytest.mark.parametrize("ranks", [ALONE, OneOfTwo(1)], ids=["alone", "rank 1"])
def test_those_of_images_on_disk_are_the_same_to_the_last_bit(ranks: Ranks, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [crop.clone() for crop in crops_of(epoch_of(noise(), MULTI_CROP, ranks))]
    monkeypatch.setattr(residency, "HOST_BYTES", 0)
    found = crops_of(epoch_of(noise(), MULTI_CROP, ranks))
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_has_the_crops_of_its_own_photographs(tmp_path: Path, rank: int) -> None:
    assert_a_rank_has_its_own(rank, photographs(tmp_path))


@pytest.mark.usefixtures("_crops_alone")
def test_those_of_a_photograph_are_beside_its_first_view(tmp_path: Path) -> None:
    dataset = photographs(tmp_path)
    assert isinstance(dataset.train_images, Photos)
    (views,) = epoch_of(dataset, MULTI_CROP)
    (small,) = crops_of([views])
    levels = views.images[0].view(BATCH, -1)[:, :1]
    torch.testing.assert_close(small.view(BATCH, -1), levels.expand(-1, 3 * 3 * 36), rtol=0, atol=1e-3)
    assert len(levels.mul(100).round().unique()) == BATCH


def spans_of(crops: Tensor) -> Tensor:
    """Return the shares of the area that crops of ramps, across in red and down in green, are of."""
    _, _, size, _ = crops.shape
    across, down = crops[:, 0].mean(dim=1), crops[:, 1].mean(dim=2)
    sides = [(ends[:, -1] - ends[:, 0]).abs() * size / (size - 1) for ends in (across, down)]
    return sides[0] * sides[1]


@pytest.mark.usefixtures("_crops_alone")
@pytest.mark.parametrize("scale", [[0.05, 0.14], [0.3, 0.4]], ids=str)
def test_their_shares_of_the_area_are_those_asked_for(scale: list[float]) -> None:
    ramp = np.linspace(0, 255, SIDE).astype(np.uint8)
    image = np.stack([np.tile(ramp, (SIDE, 1)), np.tile(ramp[:, None], (1, SIDE)), np.zeros((SIDE, SIDE), np.uint8)])
    images, labels = np.stack([image] * 40), np.zeros(40, np.int64)
    dataset = ImageDataset("ramps", "", ("a",), images, labels, images, labels, (0.0,) * 3, (1.0,) * 3, ())
    epoch = epoch_of(dataset, {**MULTI_CROP, "small_scale": scale, "crop_scale": [0.5, 1.0]})
    small = spans_of(torch.cat(crops_of(epoch)))
    assert 0.9 * scale[0] < small.min() < 1.2 * scale[0]
    assert 0.8 * scale[1] < small.max() < 1.1 * scale[1]
    assert spans_of(torch.cat([views.images[0] for views in epoch])).min() > 0.45
