"""The small convolutional network of the embedded profile."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn


def make_small_cnn(
    *, num_channels: int, norm_layer: Callable[[int], nn.Module], width: int = 16, depth: int = 3, **_: Any
) -> tuple[nn.Module, int]:
    """Build convolution blocks with global pooling; return the network and its number of features.

    Args:
        num_channels: Channels of the images.
        norm_layer: Builds the normalisation of so many features.
        width: Channels of the first block; each later one has twice as many and halves the side.
        depth: Number of blocks.
    """
    layers: list[nn.Module] = []
    for block in range(depth):
        out, stride = width * 2**block, 2 if block else 1
        layers += [nn.Conv2d(num_channels, out, 3, stride, 1, bias=False), norm_layer(out), nn.ReLU(inplace=True)]
        num_channels = out
    return nn.Sequential(*layers, GlobalAverage()), num_channels


class GlobalAverage(nn.Module):
    """Average each channel over its map.

    Equals ``nn.AdaptiveAvgPool2d(1)`` and ``nn.Flatten()`` bit for bit on a CPU, forward and backward. Their gradient
    is spread over the maps in contiguous order, which a channels-last network reads several times as slowly; here it
    is not spread at all.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """Return the (N, C) averages of (N, C, H, W) maps."""
        return maps.sum(dim=(2, 3)) / (maps.shape[2] * maps.shape[3])
