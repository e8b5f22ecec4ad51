"""Two random views of each image, batched on the images' device."""

from functools import lru_cache

import torch
from torch import Tensor

from ftlab.data.views.blur import gaussian_blur
from ftlab.data.views.colour import (
    MAX_INTENSITY,
    adjust_brightness,
    adjust_contrast,
    adjust_saturation,
    remove_colour,
    shift_hue,
)
from ftlab.data.views.geometry import resample
from ftlab.data.views.parameters import ViewParameters, sample_parameters
from ftlab.data.views.rand_augment import rand_augment
from ftlab.data.views.recipes import ViewRecipe

__all__ = ["ViewParameters", "ViewRecipe", "make_views", "normalise", "sample_parameters"]


def make_views(
    images: Tensor, parameters: ViewParameters, *, size: int, mean: tuple[float, ...], std: tuple[float, ...]
) -> Tensor:
    """Make one view of each image: crop, rotation and flip, colour jitter, grayscale, blur, normalisation.

    Brightness, contrast, saturation and hue follow each other in this order, where torchvision draws an order. Where
    the recipe has RandAugment, it comes after the blur, and grayscale after it. Nothing is copied to the host, and a
    view does not depend on the others of its batch.

    Args:
        images: (N, C, S, S) uint8; of photographs, what ``parameters.boxes`` cut out, S being ``size``.
        parameters: Parameters of the changes, on the images' device.
        size: Side of the views, in pixels.
        mean: Mean of each channel, for intensities in [0, 1].
        std: Deviation of each channel, likewise.

    Returns:
        (N, C, size, size) float32, normalised.
    """
    views = resample(images.float(), parameters.matrices, size, black_outside=parameters.rotated)
    if parameters.brightness is not None:
        views = adjust_brightness(views, parameters.brightness)
    if parameters.contrast is not None:
        views = adjust_contrast(views, parameters.contrast)
    if parameters.saturation is not None:
        views = adjust_saturation(views, parameters.saturation)
    if parameters.hue is not None:
        views = shift_hue(views, parameters.hue)
    augmented = parameters.operations is not None
    if parameters.colour_kept is not None and not augmented:
        views = remove_colour(views, parameters.colour_kept)
    if parameters.blur_sigma is not None:
        views = gaussian_blur(views, parameters.blur_sigma, parameters.largest_sigma)
    scale, shift = _normalisation(mean, std, views.device)
    if parameters.operations is not None and parameters.strengths is not None:
        views = rand_augment(views, parameters.operations, parameters.strengths, fill=-shift / scale)
    if parameters.colour_kept is not None and augmented:
        views = remove_colour(views, parameters.colour_kept)
    return views.mul_(scale).add_(shift)


def normalise(images: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Return (N, C, S, S) uint8 images as float32, less the mean and divided by the deviation of each channel.

    Args:
        images: (N, C, S, S) uint8.
        mean: Mean of each channel, for intensities in [0, 1].
        std: Deviation of each channel, likewise.
    """
    scale, shift = _normalisation(mean, std, images.device)
    return (images * scale).add_(shift)


@lru_cache(maxsize=8)
def _normalisation(mean: tuple[float, ...], std: tuple[float, ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """Return factor and summand of intensities in [0, 255], (1, C, 1, 1) each, copied to the device only once."""
    scale = [1 / (MAX_INTENSITY * deviation) for deviation in std]
    shift = [-average / deviation for average, deviation in zip(mean, std, strict=True)]
    return (
        torch.tensor(scale, device=device).view(1, -1, 1, 1),
        torch.tensor(shift, device=device).view(1, -1, 1, 1),
    )
