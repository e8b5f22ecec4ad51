"""Images that a thread reads ahead, while the streams that copy and use them lag behind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ftlab.data.cache import residency
from ftlab.data.cache.crops import Crops
from ftlab.data.cache.photos import Photos, starts_of
from ftlab.data.cache.read_ahead import ReadAhead
from ftlab.data.cache.residency import ResidentImages

STEPS, BATCH = 60, 32
CYCLES = 8_000_000  # a few milliseconds of a GPU


@pytest.fixture
def images(tmp_path: Path) -> Any:
    """Memory-mapped images of random pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (500, 3, 32, 32), np.uint8)
    np.save(tmp_path / "images.npy", pixels)
    return np.load(tmp_path / "images.npy", mmap_mode="r")


@pytest.fixture
def rows() -> list[Tensor]:
    """The rows of each step; the last one is shorter."""
    generator = torch.Generator().manual_seed(0)
    sizes = [BATCH] * (STEPS - 1) + [BATCH // 2]
    return [torch.randint(0, 500, (size,), generator=generator) for size in sizes]


@pytest.fixture
def keep_busy(device: torch.device) -> Callable[[], None]:
    """Give the current stream work that lets it fall behind the host; nothing on the CPU, which has none."""
    if device.type != "cuda":
        return lambda: None
    sleep: Any = torch.cuda._sleep
    sleep(1)  # loads the kernel
    torch.cuda.synchronize(device)
    return lambda: sleep(CYCLES)


def assert_are(found: list[Tensor], images: Any, rows: list[Tensor]) -> None:
    assert len(found) == len(rows)
    for step, (batch, expected) in enumerate(zip(found, rows, strict=True)):
        np.testing.assert_array_equal(batch.cpu().numpy(), images[expected.numpy()], err_msg=f"step {step}")


def test_images_are_those_of_their_steps_while_the_training_lags_behind(
    device: torch.device, images: Any, rows: list[Tensor], keep_busy: Callable[[], None]
) -> None:
    ahead = ReadAhead(images, rows, device)
    used = []
    for step in range(STEPS):
        batch = ahead.of_step(step)
        keep_busy()
        used.append(batch.clone())  # runs when the stream has come so far; the batch is forgotten before
        del batch
    if device.type == "cuda":
        assert not torch.cuda.current_stream(device).query(), "the stream did not lag behind"
    assert_are(used, images, rows)


def test_buffers_are_not_written_before_their_last_content_was_copied(
    cuda: torch.device, images: Any, rows: list[Tensor], keep_busy: Callable[[], None]
) -> None:
    ahead = ReadAhead(images, rows, cuda)
    copies: Any = ahead._reader
    found = []
    for step in range(STEPS):
        with torch.cuda.stream(copies._stream):
            keep_busy()
        found.append(ahead.of_step(step))
    assert_are(found, images, rows)


@pytest.mark.parametrize("num_steps", [1, 2, 3, STEPS])
def test_images_that_do_not_fit_are_those_that_do(
    device: torch.device, images: Any, rows: list[Tensor], monkeypatch: pytest.MonkeyPatch, num_steps: int
) -> None:
    rows = rows[-num_steps:]
    of_step = ResidentImages(images, device).in_steps(rows)
    resident = [of_step(step) for step in range(num_steps)]
    monkeypatch.setattr(residency, "HOST_BYTES", 0)
    monkeypatch.setattr(residency, "DEVICE_SHARE", 0.0)
    streamed = ResidentImages(images, device)
    of_step = streamed.in_steps(rows)
    for step, expected in enumerate(resident):
        assert torch.equal(of_step(step), expected)
        assert torch.equal(streamed.gather(rows[step]), expected)
        assert expected.device.type == device.type


def test_crops_of_photographs_are_those_of_the_cpu(
    device: torch.device, rows: list[Tensor], keep_busy: Callable[[], None]
) -> None:
    random = np.random.default_rng(0)
    sizes = random.integers(20, 60, (500, 2))
    starts, num_bytes = starts_of(sizes, 3)
    photos = Photos(random.integers(0, 256, num_bytes, np.uint8), sizes, starts, 3)
    boxes = [torch.tensor([[0.1, 0.2, 0.7, 0.5]]).repeat(len(each), 1) for each in rows]
    ahead, expected = (ReadAhead(Crops(photos, boxes, 24), rows, place) for place in (device, torch.device("cpu")))
    for step in range(STEPS):
        batch = ahead.of_step(step)
        keep_busy()
        assert torch.equal(batch.cpu(), expected.of_step(step))
