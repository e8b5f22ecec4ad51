"""Crop, rotation and flip of a batch as one resampling, each image with its own matrix."""

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
    """Read each view from its image by bilinear interpolation, with antialiasing where the view is smaller.

    Equals torchvision's ``resized_crop``, except that at the crop's edge the image's own next pixels are used where
    torchvision repeats the crop's last.

    Args:
        images: (N, C, S, S) float32.
        matrices: (N, 2, 3) from `crop_matrices`.
        size: Side of the views, in pixels.
        black_outside: Whether the space beyond the image is 0, else the image's edge is repeated.

    Returns:
        (N, C, size, size) float32, newly allocated.
    """
    if size < images.shape[-1]:  # else no view shrinks
        if black_outside:
            turns, matrices = _take_apart(matrices)
            images = resample(images, turns, images.shape[-1], black_outside=True)
        return _shrink(images, matrices, size)
    x, y = _pixel_centres(size, images.device)
    # elementwise and not as a matrix product: faster for 3 columns, and safe from TF32's 10-bit mantissa
    grid = (matrices[:, :, 0:1] * x).add_(matrices[:, :, 1:2] * y).add_(matrices[:, :, 2:3])  # (N, 2, size * size)
    grid = grid.view(-1, 2, size, size).permute(0, 2, 3, 1)
    padding = "zeros" if black_outside else "border"
    return F.grid_sample(images, grid, mode="bilinear", padding_mode=padding, align_corners=False)


def _shrink(images: Tensor, matrices: Tensor, size: int) -> Tensor:
    """Read views that are not turned, each pixel as the mean of those around it by the weights of a triangle."""
    side = images.shape[-1]
    centres = (2 * torch.arange(size, device=images.device) + 1) / size - 1  # in [-1, 1] from edge to edge
    across, down = (
        _triangles(
            matrices[:, axis, axis, None] * centres + matrices[:, axis, 2, None],
            (matrices[:, axis, axis].abs() * (side / size)).clamp_min(1.0),
            side,
        )
        for axis in (0, 1)
    )  # (N, size, S) each
    return down[:, None] @ images @ across[:, None].transpose(2, 3)


def _take_apart(matrices: Tensor) -> tuple[Tensor, Tensor]:
    """Return the matrices that turn whole images about the centres of their crops, and those of the crops."""
    sides, centres = matrices[:, :, :2].norm(dim=1), matrices[:, :, 2:]
    turns = matrices[:, :, :2] / sides[:, None]
    # elementwise and not as a matrix product: safe from TF32's 10-bit mantissa
    turned_centres = (turns * centres.transpose(1, 2)).sum(dim=2, keepdim=True)
    return torch.cat([turns, centres - turned_centres], dim=2), torch.cat([sides.diag_embed(), centres], dim=2)


def _triangles(centres: Tensor, reach: Tensor, side: int) -> Tensor:
    """Return the weights of an image's pixels along one axis.

    Args:
        centres: (N, n) where to read, in [-1, 1] from edge to edge.
        reach: (N,) distance at which a weight becomes 0, in pixels, at least 1: then it interpolates.
        side: S.

    Returns:
        (N, n, S), which sum to 1.
    """
    places = ((centres + 1) * (side / 2) - 0.5)[:, :, None]
    weights = (1 - (places - torch.arange(side, device=centres.device)).abs() / reach[:, None, None]).clamp_min_(0.0)
    return weights / weights.sum(dim=2, keepdim=True)


@lru_cache(maxsize=8)
def _pixel_centres(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return x and y of each pixel's centre, (size * size,), in [-1, 1] from edge to edge."""
    centres = (2 * torch.arange(size, device=device) + 1) / size - 1
    return centres.repeat(size), centres.repeat_interleave(size)
