"""Show an encoder images with another number of channels than it was trained with."""

import torch
from torch import Tensor, nn

from ftlab.errors import DataError

# ITU-R BT.601: the weights of red, green and blue in a grey level, as image libraries use them.
LUMA = (0.299, 0.587, 0.114)


class ChannelAdapter(nn.Module):
    """Turn images into those that an encoder knows: its number of channels, and its normalisation.

    Three channels become one by their luma, and one becomes three equal ones.

    Args:
        given: Channels of the images, 1 or 3.
        wanted: Channels of the encoder, likewise.
        mean: Mean of each of the encoder's channels, for intensities in [0, 1].
        std: Deviation of each, likewise.

    Raises:
        DataError: There is no rule for such a pair of channels.
    """

    mean: Tensor
    std: Tensor
    luma: Tensor

    def __init__(self, given: int, wanted: int, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        if given != wanted and {given, wanted} != {1, 3}:
            raise DataError(f"images must have 1 or 3 channels for an encoder of {wanted}, but have {given}.")
        self.given, self.wanted = given, wanted
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("luma", torch.tensor(LUMA).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return (N, wanted, H, W) normalised images from (N, given, H, W) intensities in [0, 1]."""
        if self.given > self.wanted:
            images = (images * self.luma).sum(dim=1, keepdim=True)
        elif self.given < self.wanted:
            images = images.expand(-1, self.wanted, -1, -1)
        return (images - self.mean) / self.std
