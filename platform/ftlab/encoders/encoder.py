"""Encoders: a backbone that gives features and a projection head that gives the contrasted vectors."""

from collections.abc import Callable
from typing import Any, Literal

from torch import Tensor, nn

from ftlab.encoders.batch_norm import GroupedBatchNorm

Backbone = Literal["small_cnn", "resnet18", "resnet34", "resnet50"]


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
    backbone: Backbone,
    stem: Literal["cifar", "imagenet"],
    head: Literal["linear", "mlp"],
    feature_dim: int,
    num_channels: int,
    bn_groups: int,
) -> Encoder:
    """Build an encoder with freshly initialised weights from torch's global generator.

    Args:
        backbone: ``small_cnn`` or a ResNet.
        stem: First layers of a ResNet; without effect on ``small_cnn``.
        head: ``linear`` (MoCo v1) or ``mlp`` with one hidden layer as wide as the features (MoCo v2).
        feature_dim: C.
        num_channels: Channels of the images.
        bn_groups: Groups of `GroupedBatchNorm`.
    """

    def norm_layer(num_features: int) -> GroupedBatchNorm:
        return GroupedBatchNorm(num_features, bn_groups)

    if backbone == "small_cnn":
        body, num_features = make_small_cnn(num_channels, norm_layer), SMALL_CNN_WIDTHS[-1]
    else:
        body, num_features = make_resnet(backbone, stem, num_channels, norm_layer)
    return Encoder(body, make_projection_head(head, num_features, feature_dim), num_features)


SMALL_CNN_WIDTHS = (16, 32, 64)


def make_small_cnn(num_channels: int, norm_layer: Callable[[int], nn.Module]) -> nn.Module:
    """Build three convolution blocks of 16, 32 and 64 channels with strides 1, 2, 2 and global pooling."""
    layers: list[nn.Module] = []
    for width, stride in zip(SMALL_CNN_WIDTHS, (1, 2, 2), strict=True):
        layers += [nn.Conv2d(num_channels, width, 3, stride, 1, bias=False), norm_layer(width), nn.ReLU(inplace=True)]
        num_channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def make_resnet(
    name: Literal["resnet18", "resnet34", "resnet50"],
    stem: Literal["cifar", "imagenet"],
    num_channels: int,
    norm_layer: Callable[[int], nn.Module],
) -> tuple[nn.Module, int]:
    """Build torchvision's ResNet without its classifier; return it and its number of features."""
    # torchvision takes seconds to import, and the embedded profile never needs it.
    from torchvision import models

    network: Any = getattr(models, name)(norm_layer=norm_layer)
    if stem == "cifar":
        network.conv1 = nn.Conv2d(num_channels, 64, 3, 1, 1, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
        network.maxpool = nn.Identity()
    elif num_channels != 3:
        network.conv1 = nn.Conv2d(num_channels, 64, 7, 2, 3, bias=False)
        nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    num_features = int(network.fc.in_features)
    network.fc = nn.Identity()
    return network, num_features


def make_projection_head(head: Literal["linear", "mlp"], num_features: int, feature_dim: int) -> nn.Module:
    """Build the projection from (N, F) features to (N, C)."""
    if head == "linear":
        return nn.Linear(num_features, feature_dim)
    return nn.Sequential(
        nn.Linear(num_features, num_features), nn.ReLU(inplace=True), nn.Linear(num_features, feature_dim)
    )
