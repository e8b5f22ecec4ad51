"""SwAV with small crops against its loss written number by number, in value and gradient."""

from math import log

import pytest
import torch
from exact_swav import LOSS, NONE, C, K, make_swav
from step_by_loops import dot, rows_of, total, unit
from swav_by_loops import sinkhorn_by_loops, swav_by_loops
from torch import Tensor
from torch.nn import functional as F

from ftlab.contrast.transform import FeatureTransform, NegativeTransform, PositiveTransform
from ftlab.methods.method import Streams, Views
from ftlab.methods.swav import SwAV, SwAVResult

N, V = 4, 3
POSITIVES, NEGATIVES = PositiveTransform(2.0, (1.0, 2.0)), NegativeTransform(1.6)
TRANSFORMS = {
    "none": NONE,
    "both": FeatureTransform(POSITIVES, NEGATIVES),
    "positives": FeatureTransform(positives=POSITIVES),
    "negatives": FeatureTransform(negatives=NEGATIVES),
    "groups": FeatureTransform(POSITIVES, NEGATIVES, groups=2),
}


def make_streams(swav: SwAV) -> Streams:
    return {name: torch.Generator().manual_seed(place) for place, name in enumerate(swav.streams)}


def make_crops() -> tuple[Tensor, Tensor, Tensor]:
    """Return (N, C) features of the two views, and (V N, C) of the small crops, those of an image in a row."""
    generator = torch.Generator().manual_seed(3)
    shapes = ((N, C), (N, C), (V * N, C))
    first, second, small = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return first.requires_grad_(), second.requires_grad_(), small.requires_grad_()


def step_of(swav: SwAV, first: Tensor, second: Tensor, small: Tensor | None) -> SwAVResult:
    images = [crops[:, :, None, None] for crops in (first, second)]
    crops = None if small is None else small[:, :, None, None]
    return swav.step(Views((images[0], images[1]), torch.arange(N), small=crops), make_streams(swav), 0)


def plain_by_loops(first: Tensor, second: Tensor, small: Tensor, prototype_rows: Tensor) -> Tensor:
    """Return the loss without FT as the authors' code goes about it: crop by crop, each after a code of a view."""
    prototypes = rows_of(prototype_rows)
    crops = [[unit(row) for row in rows_of(of_view)] for of_view in (first, second)]
    crops += [[unit(row) for row in rows_of(small[place::V])] for place in range(V)]
    loss = torch.zeros((), dtype=torch.float64)
    for view in (0, 1):
        scores = [[dot(row, prototype).item() for prototype in prototypes] for row in crops[view]]
        codes = sinkhorn_by_loops(scores, LOSS["epsilon"], 3)
        of_view = torch.zeros((), dtype=torch.float64)
        for crop in [number for number in range(2 + V) if number != view]:
            for image in range(N):
                shares = [(dot(crops[crop][image], prototype) / LOSS["temperature"]).exp() for prototype in prototypes]
                for k in range(K):
                    of_view = of_view - codes[image][k] * (shares[k] / total(shares)).log() / N
        loss = loss + of_view / (2 + V - 1)
    return loss / 2


def assert_same(found: Tensor, expected: Tensor, crops: tuple[Tensor, ...], swav: SwAV, prototypes: Tensor) -> None:
    assert found.item() == pytest.approx(expected.item(), abs=1e-6)
    found_gradients = torch.autograd.grad(found, (*crops, swav.prototypes.weight))
    for gradient, by_loops in zip(found_gradients, torch.autograd.grad(expected, (*crops, prototypes)), strict=True):
        torch.testing.assert_close(gradient, by_loops, rtol=0, atol=1e-6)


def prototypes_of(swav: SwAV) -> Tensor:
    return F.normalize(swav.prototypes.weight.detach()).requires_grad_()


def test_loss_and_gradient_are_those_of_the_loops() -> None:
    crops, swav = make_crops(), make_swav()
    result, prototypes = step_of(swav, *crops), prototypes_of(swav)
    expected = plain_by_loops(*crops, prototypes)
    assert_same(result.loss, expected, crops, swav, prototypes)
    assert result.scores["codes/loss_share"].item() == pytest.approx(expected.item() / log(K))


@pytest.mark.parametrize("kind", ["positives", "negatives", "both"])
def test_ft_mixes_views_and_no_small_crop(kind: str) -> None:
    crops, swav = make_crops(), make_swav(TRANSFORMS[kind])
    result, prototypes = step_of(swav, *crops), prototypes_of(swav)
    settings = {**LOSS, "iterations": 3}
    plain, mixed = (
        swav_by_loops(crops[:2], prototypes, make_streams(swav), transform, **settings).loss
        for transform in (NONE, TRANSFORMS[kind])
    )
    # Of the 1 + V predictions of each code, one is that of the other view.
    expected = plain_by_loops(*crops, prototypes) + (mixed - plain) / (1 + V)
    assert_same(result.loss, expected, crops, swav, prototypes)


@pytest.mark.parametrize("kind", TRANSFORMS)
def test_statistics_and_codes_are_those_of_the_views(kind: str) -> None:
    first, second, small = make_crops()
    swav, alone = (make_swav(TRANSFORMS[kind], queue_size=N, queue_start_epoch=0) for _ in range(2))
    found, expected = step_of(swav, first, second, small), step_of(alone, first, second, None)
    of_views = found.scores.keys() - {"codes/loss_share"}
    assert {name: found.scores[name] for name in of_views} == {name: expected.scores[name] for name in of_views}
    swav.update(found)
    assert swav.queue is not None
    assert torch.equal(swav.queue.features[0], F.normalize(first.detach()))


def test_each_size_is_one_pass_of_the_encoder() -> None:
    swav = make_swav()
    step_of(swav, *make_crops())
    assert getattr(swav.encoder, "passes") == 2  # noqa: B009 - an encoder without that of its type


def test_small_crops_that_repeat_views_of_one_kind_have_the_plain_loss() -> None:
    view, _, _ = make_crops()
    plain = step_of(make_swav(), view, view, None).loss
    cropped = step_of(make_swav(), view, view, view.repeat_interleave(V, dim=0)).loss
    assert cropped.item() == pytest.approx(plain.item(), abs=1e-12)
