"""Sharpness of a batch, each image with its own factor, by torchvision's definition."""

from torch import Tensor
from torch.nn import functional as F

from ftlab.data.views.colour import MAX_INTENSITY


def adjust_sharpness(images: Tensor, factors: Tensor) -> Tensor:
    """Move all pixels away from their mean with their neighbours, or towards it; those at the border stay.

    The eight neighbours weigh 1 each and the pixel itself 5.

    Args:
        images: (N, C, S, S) in [0, 255], S at least 3; overwritten.
        factors: (N, 1, 1, 1), at least 0; 1 changes nothing, 0 smooths.
    """
    inner = images[:, :, 1:-1, 1:-1]
    smoothed = (9 * F.avg_pool2d(images, 3, stride=1) + 4 * inner) / 13
    inner.mul_(factors).add_(smoothed * (1 - factors))
    return images.clamp_(0.0, MAX_INTENSITY)
