"""The contrastive loss on the device against cross entropy on the CPU, in float64."""

from collections.abc import Callable
from math import log, nan
from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ftlab.contrast import loss as contrast
from ftlab.contrast.loss import contrastive_scores, info_nce

UnitRows = Callable[..., Tensor]


class Case(NamedTuple):
    """Features, and what the loss of them is."""

    features: tuple[Tensor, Tensor, Tensor, Tensor]
    temperature: float
    columns: int  # of a block, where there are several
    loss: Tensor
    gradients: tuple[Tensor, ...]
    negatives: Tensor


# N, K, C, temperature, columns of a block
SIZES = {
    "tiny": (5, 7, 4, 0.2, 3),
    "of a CPU's": (64, 96, 128, 0.07, 17),
    "of the paper's": (256, 65_536, 128, 0.2, 20_000),
}


@pytest.fixture(scope="module", params=SIZES)
def case(request: pytest.FixtureRequest, device: torch.device) -> Case:
    num, queue_size, dim, temperature, columns = SIZES[request.param]
    random = torch.Generator().manual_seed(0)
    rows = (num, num, num, queue_size)
    features = [F.normalize(torch.randn(count, dim, generator=random)) for count in rows]
    moved = [part.double().requires_grad_() for part in features[:3]]
    scores = contrastive_scores(moved[0], moved[1], moved[2], features[3].double())
    loss = F.cross_entropy(scores / temperature, torch.zeros(num, dtype=torch.long))
    gradients = torch.autograd.grad(loss, moved)
    queries, keys, others, negatives = features
    return Case(
        (queries, keys, others, negatives), temperature, columns, loss.detach(), gradients, scores.detach()[:, 1:]
    )


@pytest.mark.parametrize("several", [False, True], ids=["one block", "several blocks and a rest"])
def test_loss_and_gradients_are_those_of_cross_entropy(
    device: torch.device, monkeypatch: pytest.MonkeyPatch, case: Case, several: bool
) -> None:
    *moved, negatives = (part.to(device) for part in case.features)
    columns = case.columns if several else len(negatives)
    monkeypatch.setitem(contrast.BLOCK_SCORES, device.type, columns * len(moved[0]))
    queries, keys, negative_queries = (part.requires_grad_() for part in moved)
    found = info_nce(queries, keys, negative_queries, negatives, case.temperature)
    # A logit is off by float32's 6e-8 of 1 / temperature, a few times over, and the loss by the mean of that. TF32,
    # whose 10 bits of mantissa give 5e-4, is off by more than this in the two smaller sizes.
    assert found.loss.item() == pytest.approx(case.loss.item(), rel=0, abs=1e-5)
    gradients = torch.autograd.grad(found.loss, [queries, keys, negative_queries])
    for gradient, expected in zip(gradients, case.gradients, strict=True):
        # A gradient sums K negatives, in float32.
        tolerance = (1e-5 if len(negatives) < 1000 else 1e-4) * expected.abs().max().item()
        torch.testing.assert_close(gradient.cpu().double(), expected, rtol=0, atol=tolerance)
    assert found.negative.mean.item() == pytest.approx(case.negatives.mean().item(), rel=0, abs=1e-6)
    # Squares are summed relative to each query's highest score, and so are some twenty times the variance.
    assert found.negative.variance.item() == pytest.approx(case.negatives.var(dim=1).mean().item(), rel=5e-5)


@pytest.mark.parametrize("queue_size", [1, 65_536])
@pytest.mark.parametrize("score", [-1.0, 0.0, 0.3])
def test_equal_scores_give_the_loss_of_chance(device: torch.device, queue_size: int, score: float) -> None:
    queries = torch.tensor([[1.0, 0.0]] * 2, device=device)
    keys = torch.tensor([[score, 1.0]], device=device)
    found = info_nce(queries, keys.expand(2, 2), queries, keys.expand(queue_size, 2), 0.07)
    assert found.loss.item() == pytest.approx(log(1 + queue_size), rel=1e-6)
    assert found.negative.variance.item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("place", range(4))
def test_nan_in_a_feature_is_nan_in_the_loss(device: torch.device, unit_rows: UnitRows, place: int) -> None:
    features = [unit_rows(rows, 4, seed=rows).to(device) for rows in (5, 5, 5, 7)]
    features[place][0, 0] = nan
    assert info_nce(features[0], features[1], features[2], features[3], 0.1).loss.isnan().item()
