"""SimSiam against its loss written number by number, in value and gradient."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from simsiam_by_loops import simsiam_by_loops
from torch import Tensor, nn
from torch.nn import functional as F

from ftlab.assembly.trial_parts import make_trainer
from ftlab.config.sections.simsiam_section import SimSiamSection
from ftlab.contrast.score_statistics import COLLAPSED_STD, POSITIVES, PROJECTION_STD, SEEN_POSITIVES
from ftlab.contrast.transform import FeatureTransform, PositiveTransform
from ftlab.methods.method import MethodParts, Streams, Views
from ftlab.methods.simsiam import SimSiam
from ftlab.testing.method_contract import CPU, MethodContract, make_images, trial_config

pytestmark = pytest.mark.usefixtures("_one_thread")

N, F_IN, C = 6, 4, 3
BOUNDS = (1.0, 2.0)
TRANSFORMS = {
    "none": FeatureTransform(),
    **{
        granularity: FeatureTransform(PositiveTransform(2.0, BOUNDS, granularity))  # type: ignore[arg-type]
        for granularity in ("batch", "sample", "dimension", "element")
    },
    "interpolated": FeatureTransform(PositiveTransform(2.0, (0.0, 1.0))),
    "renormalised": FeatureTransform(PositiveTransform(2.0, BOUNDS), renormalise=True),
}


def make_simsiam(transform: FeatureTransform, epochs: int = 1, **settings: Any) -> SimSiam:
    """Return SimSiam in float64 with the projector alone as its encoder."""

    def make_encoder(make_head: Callable[[int], nn.Module]) -> nn.Module:
        return nn.Sequential(nn.Flatten(), make_head(F_IN))

    parts = MethodParts(
        make_encoder=make_encoder,  # type: ignore[arg-type]
        feature_dim=C,
        transform=transform,
        transform_epochs=range(epochs),
        precision=torch.float32,
        make_generator=lambda _: torch.Generator().manual_seed(5),
        bn_groups=2,
        epochs=epochs,
    )
    torch.manual_seed(1)
    return SimSiam.build(parts, SimSiamSection(head_width=5, predictor_width=2, **settings)).double()


def make_streams() -> Streams:
    return {name: torch.Generator().manual_seed(place) for place, name in enumerate(SimSiam.streams)}


def make_views() -> tuple[Tensor, Tensor]:
    first, second = torch.randn(2, N, F_IN, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return first.requires_grad_(), second.requires_grad_()


def as_views(views: tuple[Tensor, Tensor]) -> Views:
    first, second = (view[:, :, None, None] for view in views)
    return Views((first, second), torch.arange(N))


def gradients(loss: Tensor, simsiam: SimSiam, views: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, [*views, *simsiam.parameters()])


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_loss_gradient_and_statistics_are_those_of_the_loops(transform: FeatureTransform) -> None:
    views, simsiam = make_views(), make_simsiam(transform)
    result = simsiam.step(as_views(views), make_streams(), 0)
    loss, statistics = simsiam_by_loops(
        simsiam, list(simsiam.encoder_of_views.children())[1], views, make_streams(), transform
    )
    assert result.loss.item() == pytest.approx(loss.item(), abs=1e-12)
    for found, expected in zip(gradients(result.loss, simsiam, views), gradients(loss, simsiam, views), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert {name: value.item() for name, value in result.scores.items()} == pytest.approx(statistics, abs=1e-12)


@pytest.mark.parametrize("layers", [2, 3])
def test_heads_have_the_layers_of_the_paper(layers: int) -> None:
    simsiam = make_simsiam(FeatureTransform(), projector_layers=layers)
    hidden = ["Linear", "GroupedBatchNorm", "ReLU"]
    projector = list(simsiam.encoder_of_views.children())[1]
    assert [type(layer).__name__ for layer in projector] == hidden * (layers - 1) + hidden[:2]
    assert [type(layer).__name__ for layer in simsiam.predictor] == [*hidden, "Linear"]
    assert list(projector[-1].parameters()) == []
    assert {layer.bias is None for layer in projector if isinstance(layer, nn.Linear)} == {True}
    assert [layer.bias is None for layer in simsiam.predictor if isinstance(layer, nn.Linear)] == [True, False]


@pytest.mark.parametrize("share", [0.25, 1.0, 1.25, 1.5, 2.0])
def test_one_coefficient_multiplies_the_gradient_and_nothing_else(share: float) -> None:
    views, factor = make_views(), 1 + 2 * share * (share - 1)
    found = []
    for transform in (FeatureTransform(PositiveTransform(2.0, (share, share))), FeatureTransform()):
        simsiam = make_simsiam(transform)
        loss = simsiam.step(as_views(views), make_streams(), 0).loss
        found.append((loss, gradients(loss, simsiam, views)))
    (mixed, of_mixed), (plain, of_plain) = found
    assert 1 + mixed.item() == pytest.approx(factor * (1 + plain.item()), abs=1e-12)
    for one, other in zip(of_mixed, of_plain, strict=True):
        torch.testing.assert_close(one, factor * other, rtol=0, atol=1e-12)


def test_a_scaled_loss_is_what_one_coefficient_makes_of_it() -> None:
    views, results = make_views(), []
    for transform, settings in (
        (FeatureTransform(PositiveTransform(2.0, (1.5, 1.5))), {}),
        (FeatureTransform(), {"loss_scale": 2.5}),
    ):
        simsiam = make_simsiam(transform, **settings)
        results.append(gradients(simsiam.step(as_views(views), make_streams(), 0).loss, simsiam, views))
    for mixed, scaled in zip(*results, strict=True):
        torch.testing.assert_close(mixed, scaled, rtol=0, atol=1e-12)


def test_the_loss_is_scaled_from_the_epoch_on_in_which_ft_would_begin() -> None:
    simsiam = make_simsiam(FeatureTransform(), epochs=10, loss_scale=2.6, loss_scale_start=0.3)
    views = as_views(make_views())
    losses = [simsiam.step(views, make_streams(), epoch).loss.item() for epoch in range(10)]
    assert [loss / losses[0] for loss in losses] == pytest.approx([1.0] * 3 + [2.6] * 7, rel=1e-12)


def test_each_direction_and_group_has_a_coefficient_of_its_own() -> None:
    groups = 3
    transform = FeatureTransform(PositiveTransform(2.0, BOUNDS), groups=groups)
    simsiam = make_simsiam(transform)
    assert simsiam.streams == tuple(
        f"{name}{number}" for number in ("", " 1", " 2") for name in ("positives", "mirrored positives")
    )
    streams = {name: torch.Generator().manual_seed(place) for place, name in enumerate(simsiam.streams)}
    result = simsiam.step(as_views(make_views()), streams, 0)
    shares = ((result.seen - result.before) / (1 - result.before)).view(2 * groups, -1)
    torch.testing.assert_close(shares, shares[:, :1].expand_as(shares), rtol=0, atol=1e-9)
    assert len(shares[:, 0].unique()) == 2 * groups


def test_histograms_hold_both_directions() -> None:
    simsiam = make_simsiam(TRANSFORMS["batch"])
    found = simsiam.histograms(simsiam.step(as_views(make_views()), make_streams(), 0))
    assert found.keys() == {POSITIVES, SEEN_POSITIVES}
    assert [histogram.counts.sum().item() for histogram in found.values()] == [2 * N, 2 * N]
    assert found[SEEN_POSITIVES].edges == (-9.0, 1.0)


@pytest.mark.parametrize(("rate", "constant"), [("constant", True), ("scheduled", False)])
def test_the_predictors_rate_decays_only_if_asked_to(rate: str, constant: bool) -> None:
    settings = {"model": {"bn_groups": 1}, "method": {"name": "simsiam", "predictor_rate": rate}}
    trainer = make_trainer(trial_config(settings), make_images(), CPU)
    next(trainer.steps(1))
    scheduled, peak = trainer.schedule.learning_rate(1), trainer.schedule.peak
    assert scheduled < peak
    assert [group["lr"] for group in trainer.optimizer.param_groups] == [scheduled, peak if constant else scheduled]
    predictor = {id(parameter) for parameter in trainer.method.predictor.parameters()}  # type: ignore[operator]
    assert {id(parameter) for parameter in trainer.optimizer.param_groups[1]["params"]} == predictor


def test_images_that_are_all_one_are_a_collapse() -> None:
    same = torch.ones(N, F_IN, dtype=torch.float64)
    result = make_simsiam(FeatureTransform()).step(as_views((same, same)), make_streams(), 0)
    verdict = SimSiam.detect_collapse({name: value.item() for name, value in result.scores.items()})
    assert verdict.collapsed
    assert verdict.reason == "projections deviate by only 0.000, where 1 is spread over the sphere"
    assert not SimSiam.detect_collapse({PROJECTION_STD: 0.9}).collapsed


@pytest.mark.parametrize("offset", [0.0, 2.0, 4.0, 8.0])
def test_projections_that_agree_are_below_the_threshold(offset: float) -> None:
    random = torch.Generator().manual_seed(0)
    direction = torch.randn(1, C, generator=random, dtype=torch.float64)
    rows = F.normalize(torch.randn(500, C, generator=random, dtype=torch.float64) + offset * F.normalize(direction))
    deviation = rows.std(dim=0, correction=0).mean().item() * C**0.5
    agreement = (rows @ rows.T).mean().item()
    assert deviation**2 <= 1 - agreement
    assert (deviation < COLLAPSED_STD) == (agreement > 0.75) == (offset > 2.0)


class TestSimSiam(MethodContract):
    settings: Mapping[str, Mapping[str, Any]] = {"method": {"name": "simsiam", "head_width": 8, "predictor_width": 4}}
    transform: Mapping[str, Any] = {"positives": "extrapolate"}


class TestSimSiamWithScaledLoss(MethodContract):
    settings: Mapping[str, Mapping[str, Any]] = {
        "method": {"name": "simsiam", "projector_layers": 3, "loss_scale": 2.6, "loss_scale_start": 0.5},
        # With four rows a group, the variance of a dead unit is 0, and rounding errors grow by 1 / sqrt(eps).
        "train": {"epochs": 2, "batch_size": 16},
    }
    transform: Mapping[str, Any] = {"positives": "extrapolate", "granularity": "element", "groups": 2}
