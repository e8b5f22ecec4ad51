"""Balanced codes against the paper's algorithm by loops, and what they are for."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from swav_by_loops import sinkhorn_by_loops
from torch import Tensor

from ftlab.contrast.sinkhorn import sinkhorn
from ftlab.testing.thread_ranks import Meeting, ThreadRanks

N, K = 6, 4


def make_scores(rows: int = N, columns: int = K) -> Tensor:
    return torch.rand(rows, columns, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1


@pytest.mark.parametrize("iterations", [1, 3, 10])
@pytest.mark.parametrize("epsilon", [0.03, 0.05, 1.0])
def test_codes_are_those_of_the_loops(epsilon: float, iterations: int) -> None:
    scores = make_scores()
    expected = torch.tensor(sinkhorn_by_loops(scores.tolist(), epsilon, iterations), dtype=torch.float64)
    torch.testing.assert_close(sinkhorn(scores, epsilon, iterations), expected, rtol=0, atol=1e-6)


def test_rows_sum_to_one_after_any_iteration_and_columns_to_their_share_in_the_end() -> None:
    scores = make_scores()
    columns = []
    for iterations in (1, 3, 300):
        codes = sinkhorn(scores, 0.2, iterations)
        torch.testing.assert_close(codes.sum(dim=1), torch.ones(N, dtype=torch.float64))
        columns.append((codes.sum(dim=0) - N / K).abs().max().item())
    assert columns[0] > columns[1] > columns[2]
    assert columns[2] < 1e-6


def test_equal_features_have_uniform_codes() -> None:
    scores = make_scores(1).expand(N, -1)
    torch.testing.assert_close(sinkhorn(scores, 0.05, 3), torch.full((N, K), 1 / K, dtype=torch.float64))


def test_a_small_epsilon_overflows_nothing() -> None:
    codes = sinkhorn(make_scores().float(), 1e-3, 3)
    assert codes.dtype == torch.float32
    assert codes.isfinite().all()
    torch.testing.assert_close(codes.sum(dim=1), torch.ones(N))


def test_codes_are_constants() -> None:
    assert not sinkhorn(make_scores().requires_grad_(), 0.05, 3).requires_grad


def test_features_that_do_not_count_change_no_code_and_have_one() -> None:
    scores = make_scores(N + 3)
    codes = sinkhorn(scores, 0.05, 3, counted=torch.arange(N + 3) < N)
    torch.testing.assert_close(codes[:N], sinkhorn(scores[:N], 0.05, 3))
    torch.testing.assert_close(codes.sum(dim=1), torch.ones(N + 3, dtype=torch.float64))


def test_ranks_share_the_sums_of_columns() -> None:
    scores, meeting = make_scores(), Meeting(3)

    def codes_of(rank: int) -> Tensor:
        ranks = ThreadRanks(rank, 3, meeting)
        return sinkhorn(ranks.own(scores), 0.05, 3, ranks=ranks)

    with ThreadPoolExecutor(3) as threads:
        codes = torch.cat(list(threads.map(codes_of, range(3))))
    torch.testing.assert_close(codes, sinkhorn(scores, 0.05, 3), rtol=0, atol=1e-12)
