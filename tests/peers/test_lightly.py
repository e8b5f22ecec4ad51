"""Plain methods against lightly's, with the same features and weights: the loss and its gradient."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ftlab.config.sections.simclr_section import SimCLRSection
from ftlab.config.sections.simsiam_section import SimSiamSection
from ftlab.contrast.transform import FeatureTransform
from ftlab.methods.method import MethodParts, Views
from ftlab.methods.simclr import SimCLR
from ftlab.methods.simsiam import SimSiam

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


def assert_alike(ours: Tensor, theirs: Tensor, views: tuple[Tensor, Tensor]) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    for found, expected in zip(torch.autograd.grad(ours, views), torch.autograd.grad(theirs, views), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def with_weights_of(ours: nn.Module, theirs: nn.Module) -> nn.Module:
    """Return a head of theirs with our weights; both have the same layers."""
    with torch.no_grad():
        for own, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            other.copy_(own)
    return theirs


def test_simclr(views: tuple[Tensor, Tensor]) -> None:
    from lightly.loss import NTXentLoss

    simclr = SimCLR.build(make_parts(nn.Flatten, F_IN), SimCLRSection(temperature=TEMPERATURE))
    ours = simclr.step(as_views(views), _streams(simclr), 0).loss
    assert_alike(ours, NTXentLoss(temperature=TEMPERATURE)(*views), views)


def test_simsiam(views: tuple[Tensor, Tensor]) -> None:
    from lightly.loss import NegativeCosineSimilarity
    from lightly.models.modules import SimSiamPredictionHead, SimSiamProjectionHead

    def make_encoder(make_head: Callable[[int], nn.Module]) -> nn.Module:
        return nn.Sequential(nn.Flatten(), make_head(F_IN))

    section = SimSiamSection(projector_layers=3, head_width=7, predictor_width=3)
    simsiam = SimSiam.build(make_parts(make_encoder, C), section)
    ours = simsiam.step(as_views(views), _streams(simsiam), 0).loss
    projector = with_weights_of(simsiam.encoder_of_views, SimSiamProjectionHead(F_IN, 7, C))
    predictor = with_weights_of(simsiam.predictor, SimSiamPredictionHead(C, 3, C))
    (z0, p0), (z1, p1) = ((z, predictor(z)) for z in map(projector, views))
    criterion = NegativeCosineSimilarity()
    assert_alike(ours, 0.5 * (criterion(p0, z1.detach()) + criterion(p1, z0.detach())), views)


def _streams(method: Any) -> dict[str, torch.Generator]:
    return {name: torch.Generator() for name in method.streams}
