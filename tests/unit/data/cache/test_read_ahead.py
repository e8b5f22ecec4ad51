import gc
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ftlab.data.cache import residency
from ftlab.data.cache.read_ahead import STEPS_AHEAD, ReadAhead
from ftlab.data.cache.residency import ResidentImages

CPU = torch.device("cpu")


@pytest.fixture
def images(tmp_path: Path) -> np.ndarray:
    """40 memory-mapped images of random pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (40, 3, 5, 5), np.uint8)
    np.save(tmp_path / "images.npy", pixels)
    return np.load(tmp_path / "images.npy", mmap_mode="r")


def steps_of(*sizes: int) -> list[torch.Tensor]:
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    return list(order[: sum(sizes)].split(sizes))


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("images")}


def assert_ends(thread: threading.Thread) -> None:
    thread.join(timeout=10)
    assert not thread.is_alive()


@pytest.mark.parametrize("sizes", [(8,) * 5, (8, 8, 8, 5), (7,), (1,) * 9])
def test_every_step_gets_its_images(images: np.ndarray, sizes: tuple[int, ...]) -> None:
    rows = steps_of(*sizes)
    ahead = ReadAhead(images, rows, CPU)
    for step, expected in enumerate(rows):
        np.testing.assert_array_equal(ahead.of_step(step).numpy(), images[expected.numpy()])


def test_images_stay_until_the_next_are_asked_for(images: np.ndarray) -> None:
    rows = steps_of(*(4,) * 10)
    ahead = ReadAhead(images, rows, CPU)
    for step, expected in enumerate(rows):
        found = ahead.of_step(step)
        time.sleep(0.01)  # the thread reads on
        np.testing.assert_array_equal(found.numpy(), images[expected.numpy()])


def test_memory_is_used_again(images: np.ndarray) -> None:
    ahead = ReadAhead(images, steps_of(*(4,) * 10), CPU)
    assert len({ahead.of_step(step).data_ptr() for step in range(10)}) == STEPS_AHEAD + 1


def test_steps_are_read_before_they_are_asked_for(images: np.ndarray) -> None:
    reads: list[int] = []

    class Watched(np.ndarray):
        def take(self, indices, axis=None, out=None, mode="raise"):  # type: ignore[no-untyped-def]
            reads.append(len(indices))
            return np.asarray(self).take(indices, axis, out, mode)

    ahead = ReadAhead(images.view(Watched), steps_of(1, 2, 3, 4, 5), CPU)
    wait_for(lambda: reads == [1, 2])
    ahead.of_step(0)
    wait_for(lambda: reads == [1, 2, 3])


def test_the_thread_ends_with_the_last_step(images: np.ndarray) -> None:
    before = threads()
    ahead = ReadAhead(images, steps_of(8, 8), CPU)
    [thread] = threads() - before
    ahead.of_step(0)
    assert thread.is_alive()
    ahead.of_step(1)
    assert_ends(thread)


@pytest.mark.slow
def test_the_thread_ends_when_its_consumer_stops_early(images: np.ndarray) -> None:
    before = threads()
    of_step = ReadAhead(images, steps_of(*(4,) * 10), CPU).of_step
    of_step(0)
    [thread] = threads() - before
    del of_step
    gc.collect()
    assert_ends(thread)


def test_what_went_wrong_in_the_thread_is_raised_in_its_step(images: np.ndarray) -> None:
    before = threads()
    wide = ReadAhead(images, [torch.arange(4), torch.tensor([[0]]), torch.arange(4)], CPU)
    [thread] = threads() - before
    wide.of_step(0)
    with pytest.raises(ValueError, match="output array does not match"):
        wide.of_step(1)
    assert_ends(thread)


def test_steps_come_in_order(images: np.ndarray) -> None:
    ahead = ReadAhead(images, steps_of(8, 8, 8), CPU)
    ahead.of_step(0)
    for step in (0, 2):
        with pytest.raises(ValueError, match=f"in order, but got {step} where 1 comes next"):
            ahead.of_step(step)


def test_images_that_fit_are_gathered_where_they_lie(images: np.ndarray) -> None:
    before, rows = threads(), steps_of(8, 8)
    of_step = ResidentImages(images, CPU).in_steps(rows)
    assert threads() <= before  # those of earlier tests may end meanwhile
    np.testing.assert_array_equal(of_step(1).numpy(), images[rows[1].numpy()])


def test_images_that_do_not_fit_are_read_ahead(images: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residency, "HOST_BYTES", 0)
    before, rows = threads(), steps_of(8, 8, 8)
    of_step = ResidentImages(images, CPU).in_steps(rows)
    assert len(threads() - before) == 1
    for step in range(3):
        np.testing.assert_array_equal(of_step(step).numpy(), images[rows[step].numpy()])


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert condition()
