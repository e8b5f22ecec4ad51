"""SwAV against its loss written number by number, in value and gradient."""

from math import log
from typing import Any

import pytest
import torch
from exact_swav import LOSS, NONE, C, K, make_swav
from swav_by_loops import Step, swav_by_loops
from torch import Tensor
from torch.nn import functional as F

from ftlab.assembly.trial_parts import make_trainer
from ftlab.contrast.transform import FeatureTransform, NegativeTransform, PositiveTransform
from ftlab.methods.method import Streams, Views
from ftlab.methods.prototype_prediction import predict
from ftlab.methods.swav import SwAV, SwAVResult
from ftlab.testing.method_contract import CPU, make_images, trial_config
from ftlab.training.trainer import Trainer

N, Q = 4, 5
POSITIVES, NEGATIVES = PositiveTransform(2.0, (1.0, 2.0)), NegativeTransform(1.6)
BOTH = FeatureTransform(POSITIVES, NEGATIVES)
TRANSFORMS = {
    "none": NONE,
    "both": BOTH,
    "positives": FeatureTransform(positives=POSITIVES),
    "negatives": FeatureTransform(negatives=NEGATIVES),
    "row": FeatureTransform(PositiveTransform(2.0, (1.0, 2.0), "sample"), NegativeTransform(1.6, granularity="sample")),
    "dimension": FeatureTransform(
        PositiveTransform(2.0, (1.0, 2.0), "dimension"), NegativeTransform(1.6, granularity="dimension")
    ),
    "element": FeatureTransform(
        PositiveTransform(2.0, (1.0, 2.0), "element"), NegativeTransform(1.6, granularity="element")
    ),
    "interpolated": FeatureTransform(positives=PositiveTransform(2.0, (0.0, 1.0))),
    "renormalised": FeatureTransform(POSITIVES, NEGATIVES, renormalise=True),
}


def make_streams() -> Streams:
    return {name: torch.Generator().manual_seed(place) for place, name in enumerate(SwAV.streams)}


def make_views(seed: int = 3) -> tuple[Tensor, Tensor]:
    first, second = torch.randn(2, N, C, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return first.requires_grad_(), second.requires_grad_()


def step_of(swav: SwAV, views: tuple[Tensor, Tensor], epoch: int = 0) -> SwAVResult:
    first, second = (view[:, :, None, None] for view in views)
    return swav.step(Views((first, second), torch.arange(N)), make_streams(), epoch)


def loops_of(swav: SwAV, views: tuple[Tensor, Tensor], queue: Tensor | None = None) -> tuple[Step, Tensor]:
    """Return the step by loops, and the prototypes that its gradient reaches."""
    prototypes = F.normalize(swav.prototypes.weight.detach()).requires_grad_()
    return swav_by_loops(
        views, prototypes, make_streams(), swav.transform, iterations=swav.sinkhorn_iterations, queue=queue, **LOSS
    ), prototypes


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_loss_gradient_and_statistics_are_those_of_the_loops(transform: FeatureTransform) -> None:
    views, swav = make_views(), make_swav(transform)
    result = step_of(swav, views)
    expected, prototypes = loops_of(swav, views)
    assert result.loss.item() == pytest.approx(expected.loss.item(), abs=1e-6)
    found_gradients = torch.autograd.grad(result.loss, (*views, swav.prototypes.weight))
    expected_gradients = torch.autograd.grad(expected.loss, (*views, prototypes))
    for found, by_loops in zip(found_gradients, expected_gradients, strict=True):
        torch.testing.assert_close(found, by_loops, rtol=0, atol=1e-6)
    measured = {name: result.scores[name].item() for name in expected.statistics}
    assert measured == pytest.approx(expected.statistics, abs=1e-6)
    assert result.scores.keys() == {statistic.name for statistic in SwAV.statistics}


def test_the_signs_of_collapse_are_those_of_untransformed_features() -> None:
    views, swav = make_views(), make_swav(BOTH)
    scores = step_of(swav, views).scores
    expected, _ = loops_of(make_swav(), views)
    features = torch.cat([F.normalize(view.detach()) for view in views])
    peaks = [max(code) for codes in expected.codes for code in codes]
    assert scores["features/squared_mean"].item() == pytest.approx(features.mean(dim=0).square().sum().item())
    assert scores["codes/largest_weight"].item() == pytest.approx(K * sum(peaks) / len(peaks))
    assert scores["codes/loss_share"].item() == pytest.approx(expected.loss.item() / log(K))


def test_a_prototype_meets_no_slot_that_holds_it() -> None:
    features = F.normalize(torch.randn(2 * N, C, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    prototypes = torch.eye(K, C, dtype=torch.float64)
    partners = BOTH.mix_negatives(prototypes, generator=make_streams()["negatives"]).rows[:, 1].tolist()
    for top in range(K):
        codes = F.one_hot(torch.full((2 * N,), top), K).double()
        streams = {f"{name.removesuffix('s')}_generator": stream for name, stream in make_streams().items()}
        excluded = predict(features, codes, prototypes, 0.1, BOTH, **streams).excluded
        assert excluded.tolist() == [[top in (slot, partners[slot]) for slot in range(K)]] * (2 * N)


def test_a_coefficient_of_one_has_the_plain_loss_and_gradient() -> None:
    views, ones = make_views(), FeatureTransform(positives=PositiveTransform(2.0, (1.0, 1.0)))
    losses = [step_of(make_swav(transform), views).loss for transform in (ones, NONE)]
    assert losses[0].item() == pytest.approx(losses[1].item(), abs=1e-12)
    mixed, plain = (torch.autograd.grad(loss, views) for loss in losses)
    for found, expected in zip(mixed, plain, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_prototypes_are_put_on_the_sphere_before_a_step() -> None:
    swav = make_swav()
    with torch.no_grad():
        swav.prototypes.weight.mul_(7.0)
    scaled = step_of(swav, make_views())
    torch.testing.assert_close(swav.prototypes.weight.norm(dim=1), torch.ones(K, dtype=torch.float64))
    assert swav.prototypes.bias is None
    assert scaled.loss.item() == pytest.approx(step_of(make_swav(), make_views()).loss.item())


def test_codes_and_queue_hold_no_gradient() -> None:
    swav = make_swav(queue_size=Q, queue_start_epoch=0)
    result = step_of(swav, make_views())
    swav.update(result)
    assert swav.queue is not None
    assert not swav.queue.features.requires_grad
    assert not any(part.requires_grad for part in (result.features, result.positive, result.seen_positive))


class TestQueue:
    def test_it_balances_the_codes_once_it_is_full(self) -> None:
        swav, views = make_swav(queue_size=Q, queue_start_epoch=0), make_views()
        assert swav.queue is not None
        without = step_of(make_swav(), views).loss.item()
        swav.update(step_of(swav, make_views(7)))  # four of five
        assert step_of(swav, views).loss.item() == pytest.approx(without, abs=1e-12)
        swav.update(step_of(swav, make_views(8)))
        result = step_of(swav, views)
        expected, prototypes = loops_of(swav, views, swav.queue.features)
        assert expected.loss.item() != pytest.approx(without, abs=1e-3)
        assert result.loss.item() == pytest.approx(expected.loss.item(), abs=1e-6)
        found, by_loops = (
            torch.autograd.grad(loss, (*views, weight))
            for loss, weight in ((result.loss, swav.prototypes.weight), (expected.loss, prototypes))
        )
        for one, other in zip(found, by_loops, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-6)

    def test_it_takes_no_part_before_its_start(self) -> None:
        swav, views = make_swav(queue_size=N, queue_start_epoch=2), make_views()
        swav.update(step_of(swav, make_views(7)))
        losses = [step_of(swav, views, epoch).loss.item() for epoch in (0, 1, 2)]
        assert losses[0] == losses[1] == step_of(make_swav(), views).loss.item()
        assert losses[2] != losses[0]

    def test_it_holds_the_untransformed_features_of_each_view(self) -> None:
        swav, views = make_swav(BOTH, queue_size=N), make_views()
        swav.update(step_of(swav, views))
        assert swav.queue is not None
        for view in range(2):
            torch.testing.assert_close(swav.queue.features[view], F.normalize(views[view].detach()))


def trainer_of(**method: Any) -> Trainer:
    settings = {"method": {"name": "swav", "num_prototypes": K, "head_width": 8, **method}}
    return make_trainer(trial_config({**settings, "train": {"weight_decay": 0.1}}), make_images(), CPU)


@pytest.mark.usefixtures("_one_thread")
class TestPrototypes:
    def test_they_stay_while_they_are_frozen_momentum_included(self) -> None:
        trainer = trainer_of(freeze_prototypes_epochs=1)
        weight = trainer.method.prototypes.weight
        first = F.normalize(weight.detach().clone())
        epochs = trainer.epochs()
        next(epochs)
        torch.testing.assert_close(weight.detach(), first)
        assert weight.grad is None
        assert weight not in trainer.optimizer.state
        next(epochs)
        assert (weight.detach() - first).abs().max() > 1e-4

    def test_they_have_no_weight_decay(self) -> None:
        trainer = trainer_of()
        *others, prototypes = trainer.optimizer.param_groups
        assert prototypes["params"] == [trainer.method.prototypes.weight]
        assert prototypes["weight_decay"] == 0.0
        assert [group["weight_decay"] for group in others] == [0.1]

    def test_the_head_is_the_methods_own(self) -> None:
        head = trainer_of().method.encoder.projection_head
        assert [type(layer).__name__ for layer in head] == ["Linear", "GroupedBatchNorm", "ReLU", "Linear"]
        assert head[-1].bias is not None


def verdict_of(result: SwAVResult) -> Any:
    return SwAV.detect_collapse({name: value.item() for name, value in result.scores.items()})


class TestCollapse:
    def test_features_that_are_all_one_with_prototypes_that_are_have_the_loss_of_chance(self) -> None:
        swav, views = make_swav(), (torch.ones(N, C, dtype=torch.float64), torch.ones(N, C, dtype=torch.float64))
        with torch.no_grad():
            swav.prototypes.weight.fill_(1.0)
        result = step_of(swav, views)
        assert result.loss.item() == pytest.approx(log(K))
        for name in ("features/squared_mean", "codes/largest_weight", "codes/loss_share"):
            assert result.scores[name].item() == pytest.approx(1.0)
        assert verdict_of(result).collapsed
        assert "0.000 more alike" in verdict_of(result).reason

    def test_prototypes_that_are_all_one_are_a_collapse_of_features_that_are_not(self) -> None:
        swav, (view, _) = make_swav(), make_views()
        with torch.no_grad():
            swav.prototypes.weight.fill_(1.0)
        verdict = verdict_of(step_of(swav, (view, view)))
        assert (verdict.collapsed, verdict.reason) == (True, "codes are uniform: the prototypes are all alike")

    def test_features_that_tell_images_apart_are_none(self) -> None:
        view, _ = make_views()
        assert not verdict_of(step_of(make_swav(), (view, view))).collapsed


@pytest.mark.parametrize("transform", [NONE, BOTH])
def test_histograms_count_every_positive(transform: FeatureTransform) -> None:
    swav = make_swav(transform)
    found = swav.histograms(step_of(swav, make_views()))
    counts = {name: histogram.counts.sum().item() for name, histogram in found.items()}
    assert counts == {"scores/positive": N, "scores/positive_transformed": N}
    assert found["scores/positive_transformed"].edges == transform.positive_range


def test_each_group_of_ft_has_draws_of_its_own() -> None:
    transform = FeatureTransform(POSITIVES, NEGATIVES, groups=2)
    views, swav = make_views(), make_swav(transform)
    streams = {name: torch.Generator().manual_seed(place) for place, name in enumerate(swav.streams)}
    first, second = (view[:, :, None, None] for view in views)
    result = swav.step(Views((first, second), torch.arange(N)), streams, 0)
    shrinkage = ((result.seen_positive - result.positive) / (1 - result.positive)).view(2, -1)
    torch.testing.assert_close(shrinkage, shrinkage[:, :1].expand_as(shrinkage))
    assert shrinkage[0, 0] != shrinkage[1, 0]
