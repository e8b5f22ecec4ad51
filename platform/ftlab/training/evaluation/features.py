"""Features of a frozen encoder, with the labels of their images."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

CHUNK = 512


@dataclass(frozen=True)
class Features:
    """Features of a frozen encoder with the labels of their images.

    Attributes:
        train: (N, F) float32.
        train_labels: (N,) int64.
        test: (M, F) float32.
        test_labels: (M,) int64.
        num_classes: Number of classes.
    """

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    num_classes: int

    def mapped(self, project: Callable[[Tensor], Tensor]) -> "Features":
        """Return them with a function applied to the features of both splits."""
        return replace(self, train=project(self.train), test=project(self.test))


def slices(num_images: int) -> Iterator[slice]:
    """Yield slices of at most `CHUNK` images, one after the other."""
    return (slice(first, min(first + CHUNK, num_images)) for first in range(0, num_images, CHUNK))


@torch.no_grad()
def extract_features(backbone: nn.Module, num_images: int, load: Callable[[slice], Tensor]) -> Tensor:
    """Return the (N, F) features of ``num_images`` images in evaluation mode, in float32.

    Args:
        backbone: Gives (n, F) features of (n, channels, H, W) images; its mode is restored afterwards.
        num_images: N.
        load: Returns the normalised images of a slice, on the backbone's device.
    """
    was_training = backbone.training
    backbone.eval()
    chunks = [backbone(load(part)).float() for part in slices(num_images)]
    backbone.train(was_training)
    return torch.cat(chunks)


def percent_right(right: Tensor) -> float:
    """Return the part of (D, M) booleans that holds, in percent: the accuracy, averaged over D draws."""
    return 100.0 * right.double().mean().item()
