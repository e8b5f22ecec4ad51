from collections.abc import Callable
from math import exp, isnan, log, nan

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ftlab.contrast import loss as contrast
from ftlab.contrast.loss import contrastive_scores, info_nce, info_nce_of_scores

N, K, C = 5, 7, 4

UnitRows = Callable[..., Tensor]
Features = tuple[Tensor, Tensor, Tensor, Tensor]


def dot(first: Tensor, second: Tensor) -> float:
    return sum(a * b for a, b in zip(first.tolist(), second.tolist(), strict=True))


def loss_by_loops(scores: list[list[float]], temperature: float) -> float:
    total = 0.0
    for row in scores:
        exponentials = [exp(score / temperature) for score in row]
        total -= log(exponentials[0] / sum(exponentials))
    return total / len(scores)


@pytest.fixture
def features(unit_rows: UnitRows) -> Features:
    return unit_rows(N, C, seed=0), unit_rows(N, C, seed=1), unit_rows(N, C, seed=2), unit_rows(K, C, seed=3)


def test_scores_agree_with_loops(features: Features) -> None:
    queries, keys, negative_queries, negatives = features
    expected = [
        [dot(queries[n], keys[n]), *(dot(negative_queries[n], negatives[k]) for k in range(K))] for n in range(N)
    ]
    scores = contrastive_scores(*features)
    assert scores.shape == (N, 1 + K)
    torch.testing.assert_close(scores, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)


@pytest.fixture(params=[1, 3, 1000], ids="blocks of {}".format)
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setitem(contrast.BLOCK_SCORES, "cpu", request.param * N)
    return request.param


@pytest.mark.usefixtures("block")
class TestInfoNCE:
    @pytest.mark.parametrize("temperature", [0.07, 0.2, 1.0])
    def test_agrees_with_loops(self, features: Features, temperature: float) -> None:
        expected = loss_by_loops(contrastive_scores(*features).tolist(), temperature)
        assert info_nce(*features, temperature).loss.item() == pytest.approx(expected, abs=1e-12)

    @pytest.mark.parametrize("temperature", [0.07, 1.0])
    def test_measures_the_scores_of_the_negatives(self, features: Features, temperature: float) -> None:
        scores = contrastive_scores(*features)[:, 1:]
        mean, variance = info_nce(*features, temperature).negative
        assert mean.item() == pytest.approx(scores.mean().item(), abs=1e-12)
        assert variance.item() == pytest.approx(scores.var(dim=1).mean().item(), abs=1e-12)

    def test_measures_a_variance_far_below_the_mean(self, unit_rows: UnitRows) -> None:
        centre = unit_rows(1, C, seed=4, dtype=torch.float32)
        queries, negatives = (centre + 1e-4 * unit_rows(rows, C, seed=rows, dtype=torch.float32) for rows in (N, K))
        exact = (queries.double() @ negatives.double().T).var(dim=1).mean().item()
        found = info_nce(queries, queries, queries, negatives, 0.1).negative.variance.item()
        assert found == pytest.approx(exact, rel=0.01)

    @pytest.mark.parametrize("temperature", [0.2, 1.0])
    def test_its_gradient_is_that_of_cross_entropy(self, features: Features, temperature: float) -> None:
        moved = features[:3]
        for tensor in moved:
            tensor.requires_grad_()
        plain = F.cross_entropy(contrastive_scores(*features) / temperature, torch.zeros(N, dtype=torch.long))
        expected = torch.autograd.grad(plain, moved)
        found = torch.autograd.grad(info_nce(*features, temperature).loss, moved)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-12)

    def test_gradient_reaches_every_query_and_key(self, features: Features) -> None:
        *moved, negatives = features

        def loss(queries: Tensor, keys: Tensor, negative_queries: Tensor) -> Tensor:
            return info_nce(queries, keys, negative_queries, negatives, 0.2).loss

        assert torch.autograd.gradcheck(loss, tuple(tensor.requires_grad_() for tensor in moved))

    def test_a_query_shared_by_both_kinds_of_score_gets_both_gradients(self, features: Features) -> None:
        queries, keys, _, negatives = features
        assert torch.autograd.gradcheck(lambda q: info_nce(q, keys, q, negatives, 0.2).loss, queries.requires_grad_())

    @pytest.mark.parametrize("scale", [1.0, -1.0])
    def test_perfect_and_worst_scores_stay_finite_at_a_small_temperature(self, scale: float) -> None:
        queries, negatives = torch.tensor([[1.0, 0.0]]).requires_grad_(), torch.tensor([[-scale, 0.0]] * 2)
        loss = info_nce(queries, scale * queries.detach(), queries, negatives, 1e-3).loss
        loss.backward()
        assert loss.item() == pytest.approx(0.0 if scale == 1 else 2000.0 + log(2), rel=1e-6)
        assert torch.isfinite(queries.grad).all()

    def test_a_permuted_queue_leaves_the_loss_unchanged(self, features: Features) -> None:
        *others, negatives = features
        permutation = torch.randperm(K, generator=torch.Generator().manual_seed(0))
        loss = info_nce(*features, 0.1).loss.item()
        assert info_nce(*others, negatives[permutation], 0.1).loss.item() == pytest.approx(loss, abs=1e-12)

    def test_the_positive_is_not_exchangeable_with_a_negative(self, features: Features) -> None:
        queries, keys, _, negatives = features
        loss = info_nce(queries, keys, queries, negatives, 0.1).loss.item()
        others = torch.cat([negatives[:-1], keys[:1]])
        exchanged = info_nce(queries, negatives[-1:].expand_as(keys), queries, others, 0.1).loss.item()
        assert exchanged != pytest.approx(loss, abs=1e-3)

    @pytest.mark.parametrize("place", range(4))
    def test_nan_in_a_feature_is_nan_in_the_loss(self, features: Features, place: int) -> None:
        features[place][0, 0] = nan
        assert isnan(info_nce(*features, 0.1).loss.item())


@pytest.mark.parametrize("queue_size", [1, 16, 65536])
@pytest.mark.parametrize("score", [-1.0, 0.0, 0.3])
def test_equal_scores_give_the_loss_of_chance(queue_size: int, score: float) -> None:
    queries = torch.tensor([[1.0, 0.0]] * 2)
    keys = torch.tensor([[score, 1.0]])
    found = info_nce(queries, keys.expand(2, 2), queries, keys.expand(queue_size, 2), 0.07)
    assert found.loss.item() == pytest.approx(log(1 + queue_size), rel=1e-6)
    assert found.negative.variance.item() == 0.0


def test_negatives_with_a_gradient_are_a_mistake(features: Features) -> None:
    *others, negatives = features
    with pytest.raises(ValueError, match="without gradient"):
        info_nce(*others, negatives.requires_grad_(), 0.1)


class TestLossOfScores:
    def test_is_that_of_a_queue_without_gradient(self, features: Features) -> None:
        expected = info_nce(*features, 0.2)
        positive, *negative = contrastive_scores(*features).unbind(dim=1)
        found = info_nce_of_scores(positive, torch.stack(negative, dim=1), 0.2)
        assert found.loss.item() == pytest.approx(expected.loss.item(), abs=1e-12)
        assert found.negative.mean.item() == pytest.approx(expected.negative.mean.item(), abs=1e-12)
        assert found.negative.variance.item() == pytest.approx(expected.negative.variance.item(), abs=1e-12)

    def test_gradient_reaches_negatives_of_each_query(self, features: Features) -> None:
        queries, keys, *_ = features
        own = torch.rand(N, K, C, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()

        def loss(negatives: Tensor) -> Tensor:
            scores = torch.einsum("nc,nkc->nk", queries, negatives)
            return info_nce_of_scores((queries * keys).sum(dim=1), scores, 0.2).loss

        assert torch.autograd.gradcheck(loss, own)

    def test_what_is_excluded_is_not_there(self, features: Features) -> None:
        scores = contrastive_scores(*features).detach()
        excluded = torch.zeros(N, K, dtype=torch.bool)
        excluded[:, 2] = True
        few = torch.cat([scores[:, 1:3], scores[:, 4:]], dim=1)
        scores[:, 3] = nan  # the negative that is excluded
        found, expected = (
            info_nce_of_scores(scores[:, 0], scores[:, 1:], 0.2, excluded),
            info_nce_of_scores(scores[:, 0], few, 0.2),
        )
        assert found.loss.item() == pytest.approx(expected.loss.item(), abs=1e-12)
        assert found.negative.mean.item() == pytest.approx(expected.negative.mean.item(), abs=1e-12)
        assert found.negative.variance.item() == pytest.approx(expected.negative.variance.item(), abs=1e-12)

    def test_without_negatives_there_is_nothing_to_lose(self) -> None:
        loss, negative = info_nce_of_scores(torch.ones(2), torch.ones(2, 3), 0.1, torch.ones(2, 3, dtype=torch.bool))
        assert loss.item() == 0.0
        assert isnan(negative.mean.item())
