"""Gaussian blur of a batch, each image with its own deviation."""

from math import ceil

import torch
from torch import Tensor
from torch.nn import functional as F

NO_BLUR = 0.01


def blur_kernel_size(size: int, largest_sigma: float = 2.0) -> int:
    """Return the odd kernel size next to a tenth of the image's side, as in SimCLR (arXiv 2002.05709), or wider.

    A smaller kernel would blur less than its deviation says: it reaches three deviations, or across the image.

    >>> blur_kernel_size(224), blur_kernel_size(32), blur_kernel_size(4)
    (23, 13, 7)
    """
    return 2 * min(max(size // 20, ceil(3 * largest_sigma)), size - 1) + 1


def gaussian_blur(images: Tensor, sigmas: Tensor, largest_sigma: float = 2.0) -> Tensor:
    """Blur each image along rows, then along columns; borders are mirrored, as in torchvision.

    Args:
        images: (N, C, S, S) float32, S at least 2.
        sigmas: (N, 1, 1, 1) standard deviations in pixels; `NO_BLUR` leaves an image exactly as it is.
        largest_sigma: The largest of them that there may be, which decides the size of the kernel.

    Returns:
        (N, C, S, S) float32, newly allocated.
    """
    num_images, num_channels, size, _ = images.shape
    radius = blur_kernel_size(size, largest_sigma) // 2
    offsets = torch.arange(-radius, radius + 1, device=images.device)
    weights = torch.exp(-0.5 * (offsets / sigmas) ** 2)  # (N, 1, 1, kernel size)
    kernels = (weights / weights.sum(dim=3, keepdim=True)).expand(-1, num_channels, -1, -1)
    kernels = kernels.reshape(num_images * num_channels, 1, 1, -1)
    planes = F.pad(images, (radius, radius, radius, radius), mode="reflect").flatten(0, 1)[None]  # (1, N * C, ...)
    planes = F.conv2d(planes, kernels, groups=num_images * num_channels)
    planes = F.conv2d(planes, kernels.transpose(2, 3), groups=num_images * num_channels)
    return planes.view_as(images)
