from collections import deque
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ftlab.contrast.queue import NegativeQueue

C = 6

UnitRows = Callable[..., Tensor]


@pytest.fixture
def make_queue() -> Callable[[int], NegativeQueue]:
    return lambda size: NegativeQueue(size, C, generator=torch.Generator().manual_seed(0))


def test_starts_with_seeded_unit_vectors(make_queue: Callable[[int], NegativeQueue]) -> None:
    queue = make_queue(11)
    assert queue.size == 11
    assert queue.pointer.item() == 0
    torch.testing.assert_close(queue.keys.norm(dim=1), torch.ones(11))
    assert torch.equal(queue.keys, make_queue(11).keys)
    assert queue.keys.unique(dim=0).shape == (11, C)


@pytest.mark.parametrize(("size", "batch"), [(8, 4), (10, 4), (7, 5), (5, 5), (9, 1), (12, 8)])
def test_wraps_around_without_dropping_a_key(
    make_queue: Callable[[int], NegativeQueue], unit_rows: UnitRows, size: int, batch: int
) -> None:
    queue = make_queue(size)
    oracle = deque(map(tuple, queue.keys.tolist()), maxlen=size)
    for step in range(12):
        keys = unit_rows(batch, C, seed=step, dtype=torch.float32)
        queue.enqueue(keys)
        oracle.extend(map(tuple, keys.tolist()))
        oldest = int(queue.pointer)
        assert list(map(tuple, queue.keys.roll(-oldest, dims=0).tolist())) == list(oracle)
        assert oldest == (step + 1) * batch % size


def test_batches_of_changing_size(make_queue: Callable[[int], NegativeQueue], unit_rows: UnitRows) -> None:
    queue = make_queue(7)
    oracle = deque(map(tuple, queue.keys.tolist()), maxlen=7)
    for batch in (3, 7, 1, 6, 2, 5):
        keys = unit_rows(batch, C, seed=batch, dtype=torch.float32)
        queue.enqueue(keys)
        oracle.extend(map(tuple, keys.tolist()))
    assert list(map(tuple, queue.keys.roll(-int(queue.pointer), dims=0).tolist())) == list(oracle)


def test_moments_follow_many_enqueues(make_queue: Callable[[int], NegativeQueue], unit_rows: UnitRows) -> None:
    queue = make_queue(50)
    for step in range(500):
        queue.enqueue(unit_rows(16, C, seed=step, dtype=torch.float32))
    keys = queue.keys.double()
    torch.testing.assert_close(queue.key_sum, keys.sum(dim=0), rtol=0, atol=1e-12)
    torch.testing.assert_close(queue.key_gram, keys.T @ keys, rtol=0, atol=1e-12)
    assert queue.key_sum.dtype == queue.key_gram.dtype == torch.float64


def test_moments_describe_the_keys_as_they_are_stored(
    make_queue: Callable[[int], NegativeQueue], unit_rows: UnitRows
) -> None:
    queue = make_queue(8)
    queue.enqueue(unit_rows(8, C, seed=0, dtype=torch.float64))
    assert queue.keys.dtype == torch.float32
    torch.testing.assert_close(queue.key_sum, queue.keys.double().sum(dim=0), rtol=0, atol=1e-13)


def test_refuses_a_batch_larger_than_the_queue(make_queue: Callable[[int], NegativeQueue], unit_rows: UnitRows) -> None:
    queue = make_queue(4)
    before = queue.keys.clone()
    with pytest.raises(ValueError, match="must fit the queue, but got 5 keys for a queue of 4"):
        queue.enqueue(unit_rows(5, C, seed=0))
    assert torch.equal(queue.keys, before)


def test_everything_is_saved(make_queue: Callable[[int], NegativeQueue], unit_rows: UnitRows) -> None:
    queue = make_queue(7)
    queue.enqueue(unit_rows(5, C, seed=0))
    restored = NegativeQueue(7, C, generator=torch.Generator().manual_seed(1))
    restored.load_state_dict(queue.state_dict())
    for key in (3, 4):
        queue.enqueue(unit_rows(5, C, seed=key))
        restored.enqueue(unit_rows(5, C, seed=key))
    for name, value in queue.state_dict().items():
        assert torch.equal(restored.state_dict()[name], value), name


def test_the_queue_holds_no_gradient(make_queue: Callable[[int], NegativeQueue], unit_rows: UnitRows) -> None:
    queue = make_queue(6)
    queue.enqueue(unit_rows(3, C, seed=0).requires_grad_())
    assert not queue.keys.requires_grad
    assert not list(queue.parameters())
