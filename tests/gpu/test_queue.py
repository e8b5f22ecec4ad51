"""The queue of negatives and its moments on the device, against a deque and float64 on the CPU."""

from collections import deque
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ftlab.contrast.queue import NegativeQueue
from ftlab.contrast.scores import negative_moments, score_histogram, score_moments

C = 6

UnitRows = Callable[..., Tensor]
MakeQueue = Callable[[int], NegativeQueue]


@pytest.fixture
def make_queue(device: torch.device) -> MakeQueue:
    """A queue drawn on the CPU, so that it is the same on every device, and moved."""
    return lambda size: NegativeQueue(size, C, generator=torch.Generator().manual_seed(0)).to(device)


@pytest.mark.parametrize(("size", "batch"), [(10, 4), (7, 5), (5, 5), (9, 1)])
def test_wraps_around_without_dropping_a_key(
    device: torch.device, make_queue: MakeQueue, unit_rows: UnitRows, size: int, batch: int
) -> None:
    queue = make_queue(size)
    oracle = deque(map(tuple, queue.keys.tolist()), maxlen=size)
    for step in range(12):
        keys = unit_rows(batch, C, seed=step)
        queue.enqueue(keys.to(device))
        oracle.extend(map(tuple, keys.tolist()))
        oldest = int(queue.pointer)
        assert oldest == (step + 1) * batch % size
        assert list(map(tuple, queue.keys.roll(-oldest, dims=0).tolist())) == list(oracle)


def test_moments_follow_many_enqueues(device: torch.device, make_queue: MakeQueue, unit_rows: UnitRows) -> None:
    queue = make_queue(50)
    for step in range(200):
        queue.enqueue(unit_rows(16, C, seed=step).to(device))
    keys = queue.keys.cpu().double()
    assert queue.key_sum.dtype == queue.key_gram.dtype == torch.float64
    torch.testing.assert_close(queue.key_sum.cpu(), keys.sum(dim=0), rtol=0, atol=1e-12)
    torch.testing.assert_close(queue.key_gram.cpu(), keys.T @ keys, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [9, 65_536])
def test_moments_of_the_negatives_are_those_of_all_scores(
    device: torch.device, make_queue: MakeQueue, unit_rows: UnitRows, size: int
) -> None:
    queue, queries = make_queue(size), unit_rows(8, C, seed=1)
    found = negative_moments(queries.to(device), queue.key_sum, queue.key_gram, queue.size)
    scores = queries.double() @ queue.keys.cpu().double().T
    assert found.mean.item() == pytest.approx(scores.mean().item(), rel=0, abs=1e-10)
    assert found.variance.item() == pytest.approx(scores.var(dim=1).mean().item(), rel=0, abs=1e-10)


def test_moments_of_scores_are_theirs(device: torch.device) -> None:
    scores = 2 * torch.rand(1000, generator=torch.Generator().manual_seed(0)) - 1
    found = score_moments(scores.to(device))
    assert found.mean.item() == pytest.approx(scores.double().mean().item(), rel=0, abs=1e-6)
    assert found.variance.item() == pytest.approx(scores.double().var(correction=0).item(), rel=1e-5)


def test_histograms_count_as_on_the_cpu(device: torch.device) -> None:
    # Beyond the range on either side, too, as transformed features reach.
    scores = 4 * torch.rand(300, 400, generator=torch.Generator().manual_seed(0)) - 2
    found = score_histogram(scores.to(device))
    assert found.counts.dtype == torch.int64
    assert found.counts.tolist() == score_histogram(scores).counts.tolist()
