from collections.abc import Callable
from math import exp, isnan, log, nan

import pytest
import torch
from torch import Tensor

from ftlab.method.contrast import contrastive_scores, info_nce

N, K, C = 5, 7, 4

UnitRows = Callable[..., Tensor]


def dot(first: Tensor, second: Tensor) -> float:
    return sum(a * b for a, b in zip(first.tolist(), second.tolist(), strict=True))


def loss_by_loops(scores: list[list[float]], temperature: float) -> float:
    total = 0.0
    for row in scores:
        exponentials = [exp(score / temperature) for score in row]
        total -= log(exponentials[0] / sum(exponentials))
    return total / len(scores)


@pytest.fixture
def features(unit_rows: UnitRows) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return unit_rows(N, C, seed=0), unit_rows(N, C, seed=1), unit_rows(N, C, seed=2), unit_rows(K, C, seed=3)


def test_scores_agree_with_loops(features: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    queries, keys, negative_queries, negatives = features
    expected = [
        [dot(queries[n], keys[n]), *(dot(negative_queries[n], negatives[k]) for k in range(K))] for n in range(N)
    ]
    scores = contrastive_scores(*features)
    assert scores.shape == (N, 1 + K)
    torch.testing.assert_close(scores, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.mark.parametrize("temperature", [0.07, 0.2, 1.0])
def test_loss_agrees_with_loops(features: tuple[Tensor, Tensor, Tensor, Tensor], temperature: float) -> None:
    scores = contrastive_scores(*features)
    assert info_nce(scores, temperature).item() == pytest.approx(loss_by_loops(scores.tolist(), temperature), abs=1e-10)


@pytest.mark.parametrize("queue_size", [1, 16, 65536])
@pytest.mark.parametrize("score", [-1.0, 0.0, 0.3])
def test_equal_scores_give_the_loss_of_chance(queue_size: int, score: float) -> None:
    scores = torch.full((2, 1 + queue_size), score, dtype=torch.float64)
    assert info_nce(scores, 0.07).item() == pytest.approx(log(1 + queue_size), abs=1e-10)


def test_perfect_scores_give_no_loss_even_at_a_small_temperature() -> None:
    scores = torch.tensor([[1.0, -1.0, -1.0]])
    assert info_nce(scores, 1e-3).item() == 0.0
    assert info_nce(-scores, 1e-3).item() == pytest.approx(2000.0 + log(2), rel=1e-6)


def test_a_permuted_queue_leaves_the_loss_unchanged(features: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    queries, keys, negative_queries, negatives = features
    permutation = torch.randperm(K, generator=torch.Generator().manual_seed(0))
    loss = info_nce(contrastive_scores(queries, keys, negative_queries, negatives), 0.1)
    permuted = info_nce(contrastive_scores(queries, keys, negative_queries, negatives[permutation]), 0.1)
    assert permuted.item() == pytest.approx(loss.item(), abs=1e-12)


def test_the_positive_is_not_exchangeable_with_a_negative(features: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    scores = contrastive_scores(*features)
    assert info_nce(scores, 0.1).item() != pytest.approx(info_nce(scores.roll(1, dims=1), 0.1).item(), abs=1e-3)


def test_gradient_of_the_loss_is_softmax_less_target(features: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    temperature = 0.2
    scores = contrastive_scores(*features).requires_grad_()
    info_nce(scores, temperature).backward()
    for row, gradient in zip(scores.tolist(), scores.grad.tolist(), strict=True):
        total = sum(exp(score / temperature) for score in row)
        for column, score in enumerate(row):
            expected = (exp(score / temperature) / total - (column == 0)) / (N * temperature)
            assert gradient[column] == pytest.approx(expected, abs=1e-12)


def test_gradient_reaches_every_query(features: tuple[Tensor, Tensor, Tensor, Tensor]) -> None:
    queries, keys, negative_queries, negatives = features
    queries.requires_grad_()
    negative_queries.requires_grad_()

    def loss(positive: Tensor, negative: Tensor) -> Tensor:
        return info_nce(contrastive_scores(positive, keys, negative, negatives), 0.2)

    assert torch.autograd.gradcheck(loss, (queries, negative_queries))


def test_nan_in_a_score_is_nan_in_the_loss() -> None:
    assert isnan(info_nce(torch.tensor([[0.1, 0.2], [nan, 0.0]]), 0.1).item())
