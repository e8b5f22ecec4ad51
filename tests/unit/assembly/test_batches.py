"""Views of images that do not fit in memory, against those of images that do."""

import threading
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from ftlab.assembly import batches
from ftlab.assembly.batches import make_batches
from ftlab.config.trial import TrialConfig
from ftlab.data.cache import residency
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.data.cache.residency import ResidentImages
from ftlab.methods.method import Views
from ftlab.methods.moco import MoCo
from ftlab.ranks.exchange import ALONE, Ranks
from ftlab.training.trainer import Batches

MakeBatches = Callable[[Ranks], Batches]

CPU = torch.device("cpu")
CONFIG = TrialConfig.model_validate(
    {
        "views": {"recipe": "moco_v2"},
        "model": {"bn_groups": 2},
        "method": {"queue_size": 8},
        "train": {"batch_size": 8, "epochs": 2},
    }
)


class OneOfTwo(Ranks):
    """A rank beside another that is not there; views need nothing of it."""

    size = 2

    def __init__(self, rank: int) -> None:
        self.rank = rank


@pytest.fixture
def make(tmp_path: Path) -> MakeBatches:
    """Build batches over 44 memory-mapped images of three channels."""
    random = np.random.default_rng(0)
    np.save(tmp_path / "images.npy", random.integers(0, 256, (44, 3, 8, 8), np.uint8))
    images, labels = np.load(tmp_path / "images.npy", mmap_mode="r"), np.zeros(44, np.int64)
    dataset = ImageDataset("noise", "", ("a",), images, labels, images, labels, (0.5,) * 3, (0.25,) * 3, ())

    def build(ranks: Ranks) -> Batches:
        return make_batches(CONFIG, dataset, ResidentImages(images, CPU), CPU, ranks, MoCo)

    return build


def assert_same(found: Views, expected: Views) -> None:
    pairs = zip((*found.images, found.order), (*expected.images, expected.order), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("ranks", [ALONE, OneOfTwo(0), OneOfTwo(1)], ids=["alone", "rank 0", "rank 1"])
def test_views_of_images_on_disk_are_the_same_to_the_last_bit(
    make: MakeBatches, ranks: Ranks, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [list(make(ranks).epoch(epoch)) for epoch in range(2)]
    monkeypatch.setattr(residency, "HOST_BYTES", 0)
    on_disk = make(ranks)
    for epoch in range(2):
        found = list(on_disk.epoch(epoch))
        assert len(found) == len(expected[epoch]) == 5
        for views, others in zip(found, expected[epoch], strict=True):
            assert_same(views, others)


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("steps_at_once", [1, 2, 3, 5, 9])
def test_views_of_several_steps_at_once_are_those_of_each(
    make: MakeBatches, monkeypatch: pytest.MonkeyPatch, steps_at_once: int, on_disk: bool
) -> None:
    if on_disk:
        monkeypatch.setattr(residency, "HOST_BYTES", 0)
    monkeypatch.setattr(batches, "BLOCK_NUMBERS", 1)
    expected = list(make(ALONE).epoch(0))
    monkeypatch.setattr(batches, "BLOCK_NUMBERS", steps_at_once * 2 * 8 * 3 * 8 * 8)
    found = list(make(ALONE).epoch(0))
    assert len(found) == len(expected) == 5
    for views, others in zip(found, expected, strict=True):
        assert_same(views, others)


def test_an_epoch_that_is_left_early_leaves_no_thread(make: MakeBatches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residency, "HOST_BYTES", 0)
    monkeypatch.setattr(batches, "BLOCK_NUMBERS", 1)  # else the first step reads the images of all
    before = set(threading.enumerate())
    views = make(ALONE).epoch(0)
    assert len(list(islice(views, 2))) == 2
    [thread] = set(threading.enumerate()) - before
    del views
    thread.join(timeout=10)
    assert not thread.is_alive()
