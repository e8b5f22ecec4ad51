"""A SwAV whose features are the pixels and stay in float64, for comparison with loops."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ftlab.config.sections.swav_section import SwAVSection
from ftlab.contrast.transform import FeatureTransform
from ftlab.methods.method import MethodParts
from ftlab.methods.swav import SwAV

C, K = 3, 6
LOSS = {"temperature": 0.3, "epsilon": 0.2}
NONE = FeatureTransform()


class Pixels(nn.Module):
    """An encoder whose features are the pixels; it counts its passes."""

    passes = 0

    def forward(self, images: Tensor) -> Tensor:
        self.passes += 1
        return images.flatten(1)


class ExactSwAV(SwAV):
    """SwAV whose features stay in float64."""

    def encode(self, encoder: nn.Module, images: Tensor) -> Tensor:
        return F.normalize(encoder(images))


def make_swav(transform: FeatureTransform = NONE, **settings: Any) -> SwAV:
    parts = MethodParts(
        make_encoder=lambda **_: Pixels(),
        feature_dim=C,
        transform=transform,
        transform_epochs=range(10),
        precision=torch.float32,
        make_generator=lambda _: torch.Generator().manual_seed(5),
    )
    return ExactSwAV.build(parts, SwAVSection(num_prototypes=K, **LOSS, **settings)).double()
