"""Encoders: a backbone that gives features and a projection head that gives the contrasted vectors."""

from pkgutil import resolve_name
from typing import Literal

from torch import Tensor, nn

from ftlab.encoders.backbones import Stem, find_backbone
from ftlab.encoders.batch_norm import GroupedBatchNorm


class Encoder(nn.Module):
    """A backbone followed by a projection head.

    Attributes:
        backbone: (N, channels, H, W) images to (N, F) features, which the probes judge.
        projection_head: (N, F) features to (N, C) projections, which the loss contrasts after normalisation.
        num_features: F.
    """

    def __init__(self, backbone: nn.Module, projection_head: nn.Module, num_features: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.projection_head = projection_head
        self.num_features = num_features

    def forward(self, images: Tensor) -> Tensor:
        """Return the (N, C) projections of (N, channels, H, W) images, not normalised."""
        projections: Tensor = self.projection_head(self.backbone(images))
        return projections


def make_encoder(
    *,
    backbone: str,
    stem: Stem,
    head: Literal["linear", "mlp"],
    feature_dim: int,
    num_channels: int,
    bn_groups: int,
    width: int = 16,
    depth: int = 3,
) -> Encoder:
    """Build an encoder with freshly initialised weights from torch's global generator.

    Args:
        backbone: One of `ftlab.encoders.backbones.BACKBONE_NAMES`.
        stem: Its first layers, if it has a choice of them.
        head: ``linear`` (MoCo v1) or ``mlp`` with one hidden layer as wide as the features (MoCo v2).
        feature_dim: C.
        num_channels: Channels of the images.
        bn_groups: Groups of `GroupedBatchNorm`.
        width: Channels of its first block, if it is scaled.
        depth: Number of its blocks, likewise.
    """

    def norm_layer(num_features: int) -> GroupedBatchNorm:
        return GroupedBatchNorm(num_features, bn_groups)

    build = resolve_name(find_backbone(backbone).builder)
    body, num_features = build(
        name=backbone, stem=stem, num_channels=num_channels, norm_layer=norm_layer, width=width, depth=depth
    )
    return Encoder(body, make_projection_head(head, num_features, feature_dim), num_features)


def make_projection_head(head: Literal["linear", "mlp"], num_features: int, feature_dim: int) -> nn.Module:
    """Build the projection from (N, F) features to (N, C)."""
    if head == "linear":
        return nn.Linear(num_features, feature_dim)
    return nn.Sequential(
        nn.Linear(num_features, num_features), nn.ReLU(inplace=True), nn.Linear(num_features, feature_dim)
    )
