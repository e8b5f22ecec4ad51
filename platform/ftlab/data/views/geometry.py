"""Crop, rotation and flip of a batch as one affine resampling, each image with its own matrix."""

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F


def crop_matrices(
    left: Tensor, top: Tensor, width: Tensor, height: Tensor, flipped: Tensor, degrees: Tensor | None
) -> Tensor:
    """Return the matrices that map a view's pixels to the image's, both in [-1, 1] from edge to edge.

    The crop's window is turned about its own centre, which turns its content the other way.

    Args:
        left: (N,) left edge of the crop, as a fraction of the image's side.
        top: (N,) top edge, likewise.
        width: (N,) width, likewise.
        height: (N,) height, likewise.
        flipped: (N,) bool, whether the view is mirrored from left to right, last.
        degrees: (N,) angle by which the content is turned counter-clockwise; None for no rotation.

    Returns:
        (N, 2, 3), to be given to `resample`.
    """
    angle = torch.zeros_like(width) if degrees is None else degrees.deg2rad()
    cos, sin = angle.cos(), angle.sin()
    across = torch.where(flipped, -width, width)
    rows = [
        torch.stack([cos * across, -sin * height, 2 * left + width - 1], dim=1),
        torch.stack([sin * across, cos * height, 2 * top + height - 1], dim=1),
    ]
    return torch.stack(rows, dim=1)


def resample(images: Tensor, matrices: Tensor, size: int, *, black_outside: bool) -> Tensor:
    """Read each view from its image by bilinear interpolation, without antialiasing.

    Equals torchvision's ``resized_crop(antialias=False)``, except that within half a pixel of the crop's edge the
    image's own next pixel is used where torchvision repeats the crop's last.

    Args:
        images: (N, C, S, S) float32.
        matrices: (N, 2, 3) from `crop_matrices`.
        size: Side of the views, in pixels.
        black_outside: Whether the space beyond the image is 0, else the image's edge is repeated.

    Returns:
        (N, C, size, size) float32, newly allocated.
    """
    x, y = _pixel_centres(size, images.device)
    # elementwise and not as a matrix product: faster for 3 columns, and safe from TF32's 10-bit mantissa
    grid = (matrices[:, :, 0:1] * x).add_(matrices[:, :, 1:2] * y).add_(matrices[:, :, 2:3])  # (N, 2, size * size)
    grid = grid.view(-1, 2, size, size).permute(0, 2, 3, 1)
    padding = "zeros" if black_outside else "border"
    return F.grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False)


@lru_cache(maxsize=8)
def _pixel_centres(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return x and y of each pixel's centre, (size * size,), in [-1, 1] from edge to edge."""
    centres = (2 * torch.arange(size, device=device) + 1) / size - 1
    return centres.repeat(size), centres.repeat_interleave(size)
