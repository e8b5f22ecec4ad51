"""Changes that spread the intensities which an image has, by Pillow's definitions, for chosen images of a batch."""

import torch
from torch import Tensor

from ftlab.data.views.colour import MAX_INTENSITY

NUM_LEVELS = 256


def stretch(images: Tensor, chosen: Tensor) -> Tensor:
    """Scale each channel of the chosen images so that its darkest pixel is 0 and its brightest 255.

    Args:
        images: (N, C, S, S) in [0, 255], overwritten.
        chosen: (N, 1, 1, 1) bool; other images, and channels of one intensity, stay exactly as they are.
    """
    lowest, highest = images.amin(dim=(2, 3), keepdim=True), images.amax(dim=(2, 3), keepdim=True)
    scaled = chosen & (highest > lowest)
    scales = torch.where(scaled, MAX_INTENSITY / (highest - lowest), 1.0)
    return images.sub_(torch.where(scaled, lowest, 0.0)).mul_(scales)


def equalise(images: Tensor, chosen: Tensor) -> Tensor:
    """Make the intensities of each channel of the chosen images equally frequent, rounded to integers.

    Args:
        images: (N, C, S, S) in [0, 255].
        chosen: (N, 1, 1, 1) bool; other images, and channels of almost one intensity, stay exactly as they are.
    """
    # Channel by channel: places are int64, twice as large as the images.
    return torch.stack([_equalise_channel(channel, chosen[:, 0]) for channel in images.unbind(1)], dim=1)


def _equalise_channel(channel: Tensor, chosen: Tensor) -> Tensor:
    num_images, num_pixels = channel.shape[0], channel[0].numel()
    levels = channel.flatten(1).round().long()  # (N, pixels)
    # Of all images in a row: a histogram a row would have no deterministic kernel.
    places = (levels + NUM_LEVELS * torch.arange(num_images, device=channel.device)[:, None]).flatten()
    counts = places.new_zeros(num_images * NUM_LEVELS).scatter_add_(0, places, torch.ones_like(places))
    counts = counts.view(num_images, NUM_LEVELS)
    darker = counts.cumsum(dim=1) - counts
    width = (num_pixels - counts.gather(1, levels.amax(dim=1, keepdim=True))) // (
        NUM_LEVELS - 1
    )  # (N, 1) pixels a level
    table = ((width // 2 + darker) // width.clamp(min=1)).clamp_(max=NUM_LEVELS - 1)
    equalised = table.flatten()[places].view_as(channel).to(channel.dtype)
    return equalised.lerp_(channel, (~chosen | (width == 0)[:, :, None]).float())
