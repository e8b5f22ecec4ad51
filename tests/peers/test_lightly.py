"""Plain methods against lightly's, with the same features and weights: the loss and its gradient."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ftlab.config.sections.moco_section import MoCoSection
from ftlab.config.sections.simclr_section import SimCLRSection
from ftlab.config.sections.simsiam_section import SimSiamSection
from ftlab.config.sections.swav_section import SwAVSection
from ftlab.contrast.transform import FeatureTransform
from ftlab.methods.method import MethodParts, Views
from ftlab.methods.moco import MoCo
from ftlab.methods.simclr import SimCLR
from ftlab.methods.simsiam import SimSiam
from ftlab.methods.swav import SwAV

pytestmark = pytest.mark.peers
pytest.importorskip("lightly", reason="lightly is not installed: make test-peers installs it")

N, F_IN, C, TEMPERATURE = 8, 6, 5, 0.3


@pytest.fixture
def views() -> tuple[Tensor, Tensor]:
    first, second = torch.randn(2, N, F_IN, generator=torch.Generator().manual_seed(3))
    return first.requires_grad_(), second.requires_grad_()


def make_parts(make_encoder: Callable[..., nn.Module], dim: int) -> MethodParts:
    return MethodParts(
        make_encoder=make_encoder,  # type: ignore[arg-type]
        feature_dim=dim,
        transform=FeatureTransform(),
        transform_epochs=range(0),
        precision=torch.float32,
        make_generator=lambda _: torch.Generator().manual_seed(5),
    )


def as_views(views: tuple[Tensor, Tensor]) -> Views:
    first, second = (view[:, :, None, None] for view in views)
    return Views((first, second), torch.arange(N))


def with_head(make_head: Callable[[int], nn.Module]) -> nn.Module:
    return nn.Sequential(nn.Flatten(), make_head(F_IN))


def assert_alike(ours: Tensor, theirs: Tensor, inputs: Sequence[Tensor]) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    for found, expected in zip(torch.autograd.grad(ours, inputs), torch.autograd.grad(theirs, inputs), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def with_weights_of(ours: nn.Module, theirs: nn.Module) -> nn.Module:
    """Return a head of theirs with our weights; both have the same layers."""
    with torch.no_grad():
        for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            other.copy_(own)
    return theirs


def test_moco(views: tuple[Tensor, Tensor]) -> None:
    from lightly.loss import NTXentLoss

    moco = MoCo.build(make_parts(nn.Flatten, F_IN), MoCoSection(queue_size=12, temperature=TEMPERATURE))
    criterion = NTXentLoss(TEMPERATURE, memory_bank_size=(12, F_IN))
    criterion.memory_bank.bank.copy_(moco.queue.keys)
    result = moco.step(as_views(views), _streams(moco), 0)
    assert_alike(result.loss, criterion(views[0], views[1].detach()), views[:1])
    moco.queue.enqueue(result.keys)
    torch.testing.assert_close(moco.queue.keys, criterion.memory_bank.bank, rtol=0, atol=1e-6)
    # At the end of the queue, ours goes on at its beginning; lightly's drops the keys that are left.
    moco.queue.enqueue(result.keys.flip(0))
    criterion(views[0].flip(0), views[1].detach().flip(0))
    torch.testing.assert_close(moco.queue.keys[4:], criterion.memory_bank.bank[4:], rtol=0, atol=1e-6)
    torch.testing.assert_close(moco.queue.keys[:4], result.keys.flip(0)[4:], rtol=0, atol=1e-6)
    torch.testing.assert_close(criterion.memory_bank.bank[:4], result.keys[:4], rtol=0, atol=1e-6)


def test_simclr(views: tuple[Tensor, Tensor]) -> None:
    from lightly.loss import NTXentLoss

    simclr = SimCLR.build(make_parts(nn.Flatten, F_IN), SimCLRSection(temperature=TEMPERATURE))
    ours = simclr.step(as_views(views), _streams(simclr), 0).loss
    assert_alike(ours, NTXentLoss(temperature=TEMPERATURE)(*views), views)


def test_simsiam(views: tuple[Tensor, Tensor]) -> None:
    from lightly.loss import NegativeCosineSimilarity
    from lightly.models.modules import SimSiamPredictionHead, SimSiamProjectionHead

    section = SimSiamSection(projector_layers=3, head_width=7, predictor_width=3)
    simsiam = SimSiam.build(make_parts(with_head, C), section)
    ours = simsiam.step(as_views(views), _streams(simsiam), 0).loss
    projector = with_weights_of(simsiam.encoder_of_views, SimSiamProjectionHead(F_IN, 7, C))
    predictor = with_weights_of(simsiam.predictor, SimSiamPredictionHead(C, 3, C))
    (z0, p0), (z1, p1) = ((z, predictor(z)) for z in map(projector, views))
    criterion = NegativeCosineSimilarity()
    assert_alike(ours, 0.5 * (criterion(p0, z1.detach()) + criterion(p1, z0.detach())), views)


def test_swav(views: tuple[Tensor, Tensor]) -> None:
    from lightly.loss import SwaVLoss
    from lightly.models.modules import SwaVProjectionHead, SwaVPrototypes

    swav = SwAV.build(make_parts(with_head, C), SwAVSection(num_prototypes=7, head_width=6))
    ours = swav.step(as_views(views), _streams(swav), 0).loss
    projector = with_weights_of(swav.encoder_of_views, SwaVProjectionHead(F_IN, 6, C))
    prototypes = SwaVPrototypes(C, 7)
    (layer,) = prototypes.heads
    layer.weight = swav.prototypes.weight  # the step has put them on the unit sphere
    nn.init.zeros_(layer.bias)  # the authors' code has none
    # As in the authors' code, both views are one batch; lightly's example normalises each by itself.
    scores = prototypes(F.normalize(projector(torch.cat(views)))).chunk(2)
    assert_alike(ours, SwaVLoss()(scores, [])[0], (*views, layer.weight))


def _streams(method: Any) -> dict[str, torch.Generator]:
    return {name: torch.Generator() for name in method.streams}
