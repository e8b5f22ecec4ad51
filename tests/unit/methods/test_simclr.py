"""SimCLR against its loss written number by number, in value and gradient."""

from typing import get_args

import pytest
import torch
from simclr_by_loops import simclr_by_loops
from torch import Tensor, nn

from ftlab.config.sections.simclr_section import SimCLRSection
from ftlab.contrast.transform import FeatureTransform, NegativeTransform, PositiveTransform
from ftlab.methods.method import MethodParts, Streams, Views
from ftlab.methods.simclr import Partner, SimCLR

N, C = 4, 3
POSITIVES, NEGATIVES = PositiveTransform(2.0, (1.0, 2.0)), NegativeTransform(1.6)
TRANSFORMS = {
    "none": FeatureTransform(),
    "both": FeatureTransform(POSITIVES, NEGATIVES),
    "positives": FeatureTransform(positives=POSITIVES),
    "negatives": FeatureTransform(negatives=NEGATIVES),
    "row": FeatureTransform(PositiveTransform(2.0, (1.0, 2.0), "sample"), NegativeTransform(1.6, granularity="sample")),
    "dimension": FeatureTransform(PositiveTransform(2.0, (1.0, 2.0), "dimension")),
    "element": FeatureTransform(
        PositiveTransform(2.0, (1.0, 2.0), "element"), NegativeTransform(1.6, granularity="element")
    ),
    "union, original query": FeatureTransform(
        POSITIVES, NegativeTransform(1.6, union=True), query_for_negatives="original"
    ),
    "renormalised": FeatureTransform(POSITIVES, NEGATIVES, renormalise=True),
}


class Pixels(nn.Module):
    """An encoder whose features are the pixels."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def make_simclr(transform: FeatureTransform, partner: Partner = "live") -> SimCLR:
    parts = MethodParts(
        make_encoder=Pixels,  # type: ignore[arg-type]
        feature_dim=C,
        transform=transform,
        transform_epochs=range(1),
        precision=torch.float32,
        make_generator=lambda _: torch.Generator(),
    )
    return SimCLR.build(parts, SimCLRSection(temperature=0.3, partner=partner))


def make_streams() -> Streams:
    return {name: torch.Generator().manual_seed(place) for place, name in enumerate(SimCLR.streams)}


def make_views() -> tuple[Tensor, Tensor]:
    first, second = torch.randn(2, N, C, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return first.requires_grad_(), second.requires_grad_()


def as_views(views: tuple[Tensor, Tensor]) -> Views:
    first, second = (view[:, :, None, None] for view in views)
    return Views((first, second), torch.arange(N))


@pytest.mark.parametrize("partner", get_args(Partner))
@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_loss_gradient_and_statistics_are_those_of_the_loops(transform: FeatureTransform, partner: Partner) -> None:
    views = make_views()
    result = make_simclr(transform, partner).step(as_views(views), make_streams(), 0)
    loss, statistics = simclr_by_loops(views, 0.3, partner, make_streams(), transform)
    assert result.loss.item() == pytest.approx(loss.item(), abs=1e-9)
    for found, expected in zip(torch.autograd.grad(result.loss, views), torch.autograd.grad(loss, views), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)
    assert {name: value.item() for name, value in result.scores.items()} == pytest.approx(statistics, abs=1e-9)


def test_no_negative_holds_a_view_of_the_anchors_image() -> None:
    simclr = make_simclr(TRANSFORMS["both"])
    excluded = simclr.step(as_views(make_views()), make_streams(), 0).seen.excluded
    permutation = simclr.transform.mix_negatives(torch.eye(2 * N), generator=make_streams()["negatives"]).rows[:, 1]
    for anchor in range(2 * N):
        for slot in range(2 * N):
            holds = {slot // 2, permutation[slot].item() // 2}
            assert excluded[anchor, slot].item() == (anchor // 2 in holds)


@pytest.mark.parametrize("partner", ["live", "mix_in_constant"])
def test_a_coefficient_of_one_has_the_plain_gradient(partner: Partner) -> None:
    ones = FeatureTransform(positives=PositiveTransform(2.0, (1.0, 1.0)))
    views = make_views()
    steps = (make_simclr(one, partner).step(as_views(views), make_streams(), 0) for one in (ones, FeatureTransform()))
    mixed, plain = (torch.autograd.grad(step.loss, views) for step in steps)
    for found, expected in zip(mixed, plain, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_features_that_are_all_one_are_a_collapse_with_the_loss_of_chance() -> None:
    views = (torch.ones(N, C, requires_grad=True), torch.ones(N, C))
    result = make_simclr(FeatureTransform()).step(as_views(views), make_streams(), 0)
    assert result.loss.item() == pytest.approx(torch.tensor(2.0 * N - 1).log().item(), abs=1e-6)
    verdict = SimCLR.detect_collapse({name: value.item() for name, value in result.scores.items()})
    assert verdict.collapsed
