import pytest
import torch

from ftlab.ranks.exchange import ALONE, Ranks


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
