from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from ftlab.ranks.exchange import ALONE, Ranks
from ftlab.testing.thread_ranks import Meeting, ThreadRanks


class Third(Ranks):
    rank, size = 2, 3


def test_a_process_alone_exchanges_nothing() -> None:
    rows = torch.randn(4, 2)
    assert all(call(rows) is rows for call in (ALONE.own, ALONE.gather, ALONE.sum, ALONE.mean))
    assert (ALONE.rank, ALONE.size, ALONE.own_part(5)) == (0, 1, slice(0, 5))


def test_a_batch_is_shared_out_in_equal_parts_in_a_row() -> None:
    assert Third().own_part(9) == slice(6, 9)
    assert Third().own(torch.arange(9)).tolist() == [6, 7, 8]


def test_a_single_row_belongs_to_all() -> None:
    shared = torch.randn(1, 5)
    assert Third().own(shared) is shared


def test_what_cannot_be_shared_out_evenly_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a multiple of their number, but got 8 for 3"):
        Third().own_part(8)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_gathered_rows_carry_the_gradient_of_the_mean_loss(size: int) -> None:
    """Each rank contrasts its rows with those of all; the parameters' mean gradient is that of one process."""
    images = torch.randn(8, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = torch.randn(3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def gradient(ranks: Ranks) -> Tensor:
        weight = weights.clone().requires_grad_()
        own = ranks.own(images) @ weight
        everything = ranks.gather_with_gradient(own)
        places = torch.arange(8)[ranks.own_part(8)]
        functional.cross_entropy(own @ everything.roll(1, dims=0).T, places).backward()
        assert weight.grad is not None
        return ranks.mean(weight.grad)

    meeting = Meeting(size)
    team = [ThreadRanks(rank, size, meeting) for rank in range(size)]
    with ThreadPoolExecutor(size) as threads:
        found = list(threads.map(gradient, team))
    for each in found:
        torch.testing.assert_close(each, gradient(ALONE), rtol=1e-10, atol=1e-12)
