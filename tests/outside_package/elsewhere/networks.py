"""A backbone without convolutions."""

from collections.abc import Callable
from typing import Any

from torch import nn


def make_plain_mlp(*, norm_layer: Callable[[int], nn.Module], **_: Any) -> tuple[nn.Module, int]:
    """Build two layers over 8 x 8 means of a gray image."""
    layers = [nn.AdaptiveAvgPool2d(8), nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32)]
    return nn.Sequential(norm_layer(1), *layers), 32
