"""Encoders: a backbone that gives features and a projection head that gives the contrasted vectors."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pkgutil import resolve_name
from typing import Literal

from torch import Tensor, nn

from ftlab.encoders.backbones import Stem, find_backbone
from ftlab.encoders.batch_norm import GroupedBatchNorm

# From the number F of features to a projection head.
MakeHead = Callable[[int], nn.Module]


class Encoder(nn.Module):
    """A backbone followed by a projection head.

    Attributes:
        backbone: (N, channels, H, W) images to (N, F) features, which the probes judge.
        projection_head: (N, F) features to (N, C) projections, which the loss contrasts after normalisation.
        num_features: F.
        first_blocks: Names of the backbone's first blocks, see `ftlab.encoders.backbones.Backbone`.
    """

    def __init__(
        self, backbone: nn.Module, projection_head: nn.Module, num_features: int, first_blocks: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.projection_head = projection_head
        self.num_features = num_features
        self.first_blocks = first_blocks

    @property
    def mixable_layers(self) -> list[nn.Module]:
        """Layers after which rows may be mixed: the first blocks, as far as there are any, and the whole backbone."""
        modules = dict(self.backbone.named_modules())
        return [*(modules[name] for name in self.first_blocks if name in modules), self.backbone]

    def forward(self, images: Tensor, head: nn.Module | None = None) -> Tensor:
        """Return the (N, C) projections of (N, channels, H, W) images, not normalised.

        Args:
            images: The images.
            head: Projects their features in place of the projection head, if there is one.
        """
        projections: Tensor = (self.projection_head if head is None else head)(self.backbone(images))
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
    zero_init_residual: bool = False,
    make_head: MakeHead | None = None,
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
        zero_init_residual: Whether its residual branches begin at zero, if it has some.
        make_head: Builds another projection head than ``head``; None builds that.
    """

    def norm_layer(num_features: int) -> GroupedBatchNorm:
        return GroupedBatchNorm(num_features, bn_groups)

    found = find_backbone(backbone)
    build = resolve_name(found.builder)
    of_branches = {"zero_init_residual": zero_init_residual} if found.has_residual_branches else {}
    body, num_features = build(
        name=backbone,
        stem=stem,
        num_channels=num_channels,
        norm_layer=norm_layer,
        width=width,
        depth=depth,
        **of_branches,
    )
    projection_head = make_head(num_features) if make_head else make_projection_head(head, num_features, feature_dim)
    return Encoder(body, projection_head, num_features, found.first_blocks)


def make_projection_head(head: Literal["linear", "mlp"], num_features: int, feature_dim: int) -> nn.Module:
    """Build the projection from (N, F) features to (N, C)."""
    if head == "linear":
        return nn.Linear(num_features, feature_dim)
    return nn.Sequential(
        nn.Linear(num_features, num_features), nn.ReLU(inplace=True), nn.Linear(num_features, feature_dim)
    )


def make_mlp(sizes: Sequence[int], bn_groups: int, *, ends_normalised: bool = False) -> nn.Sequential:
    """Build linear layers with batch normalisation and ReLU between them, from (N, F) to (N, C).

    Args:
        sizes: F, the hidden widths, C.
        bn_groups: Groups of `GroupedBatchNorm`.
        ends_normalised: Whether the last layer is batch normalisation without scale and shift, instead of linear.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes[:-1]):
        layers += [nn.Linear(inputs, outputs, bias=False), GroupedBatchNorm(outputs, bn_groups), nn.ReLU(inplace=True)]
    layers.append(nn.Linear(sizes[-2], sizes[-1], bias=not ends_normalised))
    if ends_normalised:
        layers.append(GroupedBatchNorm(sizes[-1], bn_groups, affine=False))
    return nn.Sequential(*layers)
