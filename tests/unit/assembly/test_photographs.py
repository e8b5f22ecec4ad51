"""Photographs of several sizes through the data path of the imagenet100 profile, against torchvision's."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as oracle

from ftlab.assembly import batches, probes
from ftlab.assembly.batches import make_batches
from ftlab.assembly.images import load_images
from ftlab.assembly.probes import make_probe
from ftlab.assembly.trial_parts import make_method, make_trainer
from ftlab.config.home import Home
from ftlab.config.loading import load_profile, resolve_trial
from ftlab.config.trial import TrialConfig
from ftlab.data.cache.crops import whole_box
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.data.cache.photos import Photos
from ftlab.data.cache.residency import ResidentImages
from ftlab.data.views.parameters import sample_parameters
from ftlab.data.views.recipes import ViewRecipe
from ftlab.methods.moco import MoCo
from ftlab.ranks.exchange import ALONE, Ranks
from ftlab.testing.thread_ranks import Meeting, ThreadRanks

CPU = torch.device("cpu")
SIZES = [(640, 427), (427, 640), (1200, 260), (300, 200)]
BATCH, ORDER = 4, torch.tensor([2, 0, 3, 1])
CROPS = ViewRecipe(crop_scale=(0.2, 1.0))
LAPLACIAN = torch.tensor([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


def make_texture(width: int, height: int) -> np.ndarray:
    """Return noise with the spectrum of photographs: amplitudes fall as one over the frequency."""
    random = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1.0
    noise = np.fft.irfft2(np.fft.rfft2(random.normal(size=(3, height, width))) / frequency, (height, width))
    pixels = 128 + 45 * noise / noise.std(axis=(1, 2), keepdims=True)
    return pixels.clip(0, 255).astype(np.uint8).transpose(1, 2, 0)


def sharpness(images: Tensor) -> float:
    """Return the energy of the Laplacian."""
    kernel = LAPLACIAN.expand(images.shape[1], 1, 3, 3)
    return F.conv2d(images.float(), kernel, groups=images.shape[1]).square().mean().item()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of photographs."""
    root, texture = tmp_path_factory.mktemp("photographs"), Image.fromarray(make_texture(1200, 640))
    for split in ("train", "test"):
        for place, name in ((0, "cat"), (30, "dog")):
            (root / split / name).mkdir(parents=True)
            for number, (width, height) in enumerate(SIZES):
                box = (min(place, 1200 - width), place, min(place, 1200 - width) + width, place + height)
                if box[3] <= 640:
                    texture.crop(box).save(root / split / name / f"{number}.bmp")
    return root


@pytest.fixture(scope="module")
def config(root: Path) -> TrialConfig:
    small = {"method.queue_size": 8, "train.batch_size": BATCH, "model.bn_groups": 1, "train.epochs": 1}
    return resolve_trial(load_profile("imagenet100"), {"data.root": str(root), **small})


@pytest.fixture(scope="module")
def dataset(config: TrialConfig, tmp_path_factory: pytest.TempPathFactory) -> ImageDataset:
    return load_images(config.data, Home(str(tmp_path_factory.mktemp("home"))))


def open_photo(root: Path, row: int) -> Image.Image:
    with Image.open(root / "train" / "cat" / f"{row}.bmp") as image:
        return image.convert("RGB")


def photos_of(dataset: ImageDataset) -> Photos:
    assert isinstance(dataset.train_images, Photos)
    return dataset.train_images


def boxes_of(dataset: ImageDataset, rows: Tensor) -> Tensor:
    """Return the (steps, 2, batch, 4) boxes of the views that `views_of` makes."""
    by_view = rows.view(-1, 1, BATCH).expand(-1, 2, -1)
    aspects = ResidentImages(dataset.train_images, CPU).aspects(by_view.flatten())
    assert aspects is not None
    generator = torch.Generator().manual_seed(0)
    drawn = sample_parameters(CROPS, by_view.numel(), generator=generator, num_channels=3, aspects=aspects)
    assert drawn.boxes is not None
    return drawn.boxes.view(-1, 2, BATCH, 4)


@pytest.fixture
def views_of(
    config: TrialConfig, dataset: ImageDataset, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[tuple[Tensor, ...]]]:
    """Make the views of some rows, step by step, as intensities; the recipe changes nothing but the crop."""
    monkeypatch.setattr(batches, "find_recipe", lambda _name: CROPS)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (dataset.channel_mean, dataset.channel_std))

    def make(rows: Tensor, ranks: Ranks = ALONE) -> list[tuple[Tensor, ...]]:
        train = ResidentImages(dataset.train_images, CPU)
        source = make_batches(config, dataset, train, CPU, ranks, MoCo)
        orders = [ORDER] * (len(rows) // BATCH)
        of_step = source._draw_views(rows, orders, torch.Generator().manual_seed(0))
        return [tuple(255 * (view * std + mean) for view in of_step(step).images) for step in range(len(orders))]

    return make


def test_the_cache_keeps_the_shape_and_enlarges_nothing(dataset: ImageDataset) -> None:
    sizes = [(width, height) for height, width in photos_of(dataset).sizes.tolist()]
    assert sizes == [*SIZES, (640, 427), (1200, 260), (300, 200)]


def test_crops_cover_the_whole_photo(dataset: ImageDataset) -> None:
    covered = np.zeros((427, 640))
    for box in boxes_of(dataset, torch.zeros(250 * BATCH, dtype=torch.int64)).view(-1, 4).tolist():
        left, top, width, height = whole_box(box, 640, 427)
        assert 0 <= left < left + width <= 640
        assert 0 <= top < top + height <= 427
        covered[top : top + height, left : left + width] += 1
    assert (covered > 0).mean() > 0.999
    # The centre square would leave out the outer sixths; torchvision's crops see them 0.38 times as often as all.
    outer = np.concatenate([covered[:, :107], covered[:, -107:]], axis=1)
    assert outer.mean() == pytest.approx(0.38 * covered.mean(), rel=0.1)


@pytest.mark.parametrize("row", range(4), ids=str)
def test_views_are_torchvisions_crops_of_the_photo(
    dataset: ImageDataset, views_of: Callable[..., list[tuple[Tensor, ...]]], root: Path, row: int
) -> None:
    rows = torch.full((3 * BATCH,), row)
    photo = open_photo(root, row)
    expected = []
    for left, top, width, height in (
        whole_box(box, *photo.size) for box in boxes_of(dataset, rows)[:, 0].reshape(-1, 4).tolist()
    ):
        expected.append(oracle.pil_to_tensor(oracle.resized_crop(photo, top, left, height, width, [224, 224])))
    found, reference = torch.cat([first for first, _ in views_of(rows)]), torch.stack(expected).float()
    torch.testing.assert_close(found, reference, rtol=0, atol=1.1)
    assert sharpness(found) == pytest.approx(sharpness(reference), rel=0.03)


def test_the_second_view_is_of_the_same_photos_in_its_own_order(
    dataset: ImageDataset, views_of: Callable[..., list[tuple[Tensor, ...]]]
) -> None:
    rows = torch.tensor([6, 3, 0, 2])
    [(_, second)] = views_of(rows)
    boxes = boxes_of(dataset, rows)[0, 1]
    for view, place in zip(second, ORDER.tolist(), strict=True):
        photo = photos_of(dataset).photo(int(rows[place]))
        left, top, width, height = whole_box(boxes[place].tolist(), photo.shape[1], photo.shape[0])
        crop = Image.fromarray(photo[top : top + height, left : left + width]).resize(
            (224, 224), Image.Resampling.BILINEAR
        )
        torch.testing.assert_close(view, oracle.pil_to_tensor(crop).float(), rtol=0, atol=1.1)


def test_ranks_make_the_views_of_a_single_process(views_of: Callable[..., list[tuple[Tensor, ...]]]) -> None:
    rows, meeting = torch.tensor([0, 3, 5, 6, 1, 2, 4, 0]), Meeting(2)
    alone = views_of(rows)
    with ThreadPoolExecutor(2) as pool:
        apart = list(pool.map(lambda rank: views_of(rows, ThreadRanks(rank, 2, meeting)), range(2)))
    for step, expected in enumerate(alone):
        for view in range(2):
            found = torch.cat([of_rank[step][view] for of_rank in apart])
            torch.testing.assert_close(found, expected[view], rtol=0, atol=1e-3)


def test_probes_see_what_torchvision_resizes_and_crops(
    config: TrialConfig, dataset: ImageDataset, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    shown: list[Tensor] = []

    def look(_backbone: Any, number: int, load: Callable[[slice], Tensor]) -> Tensor:
        shown.append(load(slice(0, number)))
        return torch.zeros(number, 4)

    monkeypatch.setattr(probes, "extract_features", look)
    train = ResidentImages(dataset.train_images, CPU)
    make_probe(config, dataset, make_method(config, 3, CPU).encoder, train, CPU).extract()
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (dataset.channel_mean, dataset.channel_std))
    theirs = v2.Compose([v2.Resize(256), v2.CenterCrop(224)])
    for row in range(4):
        expected = oracle.pil_to_tensor(theirs(open_photo(root, row))).float()
        torch.testing.assert_close(255 * (shown[0][row] * std + mean), expected, rtol=0, atol=1.1)


def test_a_trial_on_photographs_trains_and_is_probed(config: TrialConfig, dataset: ImageDataset) -> None:
    content = config.model_dump()
    content["model"] |= {"backbone": "small_cnn", "feature_dim": 8}
    content["views"] |= {"size": 16}
    content["train"] |= {"precision": "float32"}
    content["probe"] |= {"resize": None, "knn_k": 2, "few_shot_labels": 1, "few_shot_draws": 2, "linear_epochs": 1}
    [result] = make_trainer(TrialConfig.model_validate(content), dataset, CPU).epochs()
    assert {"knn/top1", "probe/few_shot_top1", "probe/top1"} <= set(result.metrics)
