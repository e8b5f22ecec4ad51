"""Colour changes of a batch, each image with its own strength, by torchvision's definitions.

Images are (N, C, S, S) float32 in [0, 255] and are overwritten, since they are the resampler's output.
"""

import torch
from torch import Tensor

MAX_INTENSITY = 255.0
GRAY_WEIGHTS = (0.2989, 0.587, 0.114)


def adjust_brightness(images: Tensor, factors: Tensor) -> Tensor:
    """Scale all intensities.

    Args:
        images: (N, C, S, S) in [0, 255], overwritten.
        factors: (N, 1, 1, 1), at least 0; 1 changes nothing.
    """
    return images.mul_(factors).clamp_(max=MAX_INTENSITY)


def adjust_contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Move all intensities away from the mean gray of their image, or towards it.

    Args:
        images: (N, C, S, S) in [0, 255], overwritten.
        factors: (N, 1, 1, 1), at least 0; 1 changes nothing, 0 leaves uniform gray.
    """
    mean = gray(images.mean(dim=(2, 3), keepdim=True))  # (N, 1, 1, 1)
    return _blend(images, mean, factors).clamp_(0.0, MAX_INTENSITY)


def adjust_saturation(images: Tensor, factors: Tensor) -> Tensor:
    """Move all colours away from gray, or towards it.

    Args:
        images: (N, 3, S, S) in [0, 255], overwritten.
        factors: (N, 1, 1, 1), at least 0; 1 changes nothing, 0 leaves no colour.
    """
    return _blend(images, gray(images), factors).clamp_(0.0, MAX_INTENSITY)


def remove_colour(images: Tensor, kept: Tensor) -> Tensor:
    """Replace images by their gray.

    Args:
        images: (N, 3, S, S) in [0, 255], overwritten.
        kept: (N, 1, 1, 1), 1 where the colours stay and 0 where they go.
    """
    return _blend(images, gray(images), kept)


def shift_hue(images: Tensor, shifts: Tensor) -> Tensor:
    """Turn all colours around the colour circle of HSV, at constant saturation and value.

    With h the hue in sixths of the circle and h_n that of red (0), green (2) or blue (4), a channel's new intensity is
    ``max - chroma * clamp(d - 1, 0, 1)``, where d is the distance from h to h_n on the circle.

    Args:
        images: (N, 3, S, S) in [0, 255], overwritten.
        shifts: (N, 1, 1, 1), as a fraction of the circle, in [-0.5, 0.5]; 0 changes nothing.
    """
    hue, chroma, highest = _hue_of(images)
    hue.add_(6 * shifts)  # in [-4, 8]
    for channel in range(3):
        plane = images[:, channel : channel + 1]
        torch.sub(hue, 2 * channel, out=plane)  # in [-8, 8]
        # ||x| - 3| - 3| is the distance of x to a multiple of 6, for |x| up to 9; cheaper than a remainder
        plane.abs_().sub_(3).abs_().sub_(3).abs_().sub_(1).clamp_(0.0, 1.0).mul_(chroma).neg_().add_(highest)
    return images


def _hue_of(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return hue in sixths of the circle, in [-1, 5], chroma and highest intensity, (N, 1, S, S) each."""
    red, green, blue = _channels(images)
    highest = torch.maximum(torch.maximum(red, green), blue)
    chroma = highest - torch.minimum(torch.minimum(red, green), blue)
    scale = chroma.clamp_min(1e-6).reciprocal_()  # gray has no hue: 0 * 1e6
    from_red = (green - blue).mul_(scale)
    from_green = (blue - red).mul_(scale).add_(2)
    from_blue = (red - green).mul_(scale).add_(4)
    # lerp with weights 0 and 1 selects exactly, at a tenth of the time of where
    hue = from_blue.lerp_(from_green, (highest == green).float()).lerp_(from_red, (highest == red).float())
    return hue, chroma, highest


def gray(images: Tensor) -> Tensor:
    """Return the (N, 1, S, S) luma of (N, C, S, S) images; of one channel, the images themselves."""
    if images.shape[1] == 1:
        return images
    red, green, blue = _channels(images)
    red_weight, green_weight, blue_weight = GRAY_WEIGHTS
    return (red * red_weight).add_(green, alpha=green_weight).add_(blue, alpha=blue_weight)


def _blend(images: Tensor, others: Tensor, ratios: Tensor) -> Tensor:
    """Return ``ratios * images + (1 - ratios) * others``, exact at ratios 0 and 1."""
    return images.mul_(ratios).add_(others * (1 - ratios))


def _channels(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return views of the three channels, (N, 1, S, S) each."""
    return images[:, 0:1], images[:, 1:2], images[:, 2:3]
