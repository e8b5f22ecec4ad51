"""The softmax with slots left out, against a loop over the slots that stay."""

import pytest
import torch
from torch import Tensor

from ftlab.contrast.log_shares import log_shares

N, K = 5, 7
MIXED = torch.tensor([3, 0, 2, 1, 5, 6, 4])  # with a slot that is mixed with itself


def slots_of(partners: Tensor) -> Tensor:
    return torch.stack([torch.arange(len(partners)), partners.argsort()], dim=1)


def by_loops(scores: Tensor, others: Tensor, left_out: Tensor) -> Tensor:
    rows = []
    for n in range(len(scores)):
        row = []
        for k in range(scores.shape[1]):
            out = left_out[k].tolist()
            kept = [others[n, j] for j in range(others.shape[1]) if j not in out]
            row.append(scores[n, k] - torch.stack([scores[n, k], *kept]).logsumexp(dim=0))
        rows.append(torch.stack(row))
    return torch.stack(rows)


def make_scores(scale: float = 1.0) -> tuple[Tensor, Tensor]:
    scores = scale * torch.randn(2, N, K, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return scores[0].requires_grad_(), scores[1].requires_grad_()


@pytest.mark.parametrize("scale", [0.0, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("left_out", [slots_of(MIXED), slots_of(torch.arange(K)), slots_of(MIXED)[:, :1]])
def test_values_and_gradients_are_those_of_the_loops(left_out: Tensor, scale: float) -> None:
    inputs = make_scores(scale)
    weights = torch.rand(N, K, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found, expected = log_shares(*inputs, left_out), by_loops(*inputs, left_out)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-9)
    gradients = (torch.autograd.grad((weights * shares).sum(), inputs) for shares in (found, expected))
    for gradient, expected_gradient in zip(*gradients, strict=True):
        torch.testing.assert_close(gradient, expected_gradient, rtol=0, atol=1e-9)


def test_nothing_cancels_where_nearly_all_is_left_out() -> None:
    scores = torch.full((1, 4), -60.0)
    others = torch.tensor([[40.0, -60.0, 35.0, -61.0]])
    left_out = slots_of(torch.tensor([2, 3, 0, 1]))  # of 0 and 2, both large slots
    exact = log_shares(scores.double(), others.double(), left_out)
    torch.testing.assert_close(exact, by_loops(scores.double(), others.double(), left_out), rtol=0, atol=1e-9)
    for inputs in (scores, others):
        inputs.requires_grad_()
    found = log_shares(scores, others, left_out)
    torch.testing.assert_close(found.double(), exact, rtol=1e-6, atol=1e-6)
    gradients = torch.autograd.grad(found.sum(), (scores, others))
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_a_score_without_others_has_the_whole() -> None:
    inputs = (torch.zeros(1, 2, requires_grad=True), torch.full((1, 2), 200.0, requires_grad=True))
    found = log_shares(*inputs, slots_of(torch.tensor([1, 0])))
    assert found.tolist() == [[0.0, 0.0]]
    assert all((gradient == 0).all() for gradient in torch.autograd.grad(found.sum(), inputs))


def test_slots_that_meet_only_themselves_leave_the_plain_softmax() -> None:
    scores, _ = make_scores()
    expected = scores.log_softmax(dim=1)
    torch.testing.assert_close(log_shares(scores, scores, slots_of(torch.arange(K))), expected, rtol=0, atol=1e-12)
