"""Patches of images in a grid and in random order, as in a jigsaw puzzle, by the recipe of InfoMin's authors."""

from typing import NamedTuple

import torch
from torch import Tensor

from ftlab.data.views.parameters import sample_parameters
from ftlab.data.views.recipes import ViewRecipe

GRID = 3
NUM_PATCHES = GRID**2
# Sides in pixels beside views of 224, arXiv 2005.10243: of the crop that is cut into cells, and of a patch in a cell.
VIEW, WHOLE, PATCH = 224, 255, 64
CROP = ViewRecipe(crop_scale=(0.6, 1.0), flip_probability=0.5)


class PatchParameters(NamedTuple):
    """Places of the patches of each of N images, in the order in which they are shown.

    Attributes:
        matrices: (N, 9, 2, 3), each for `ftlab.data.views.geometry.resample`.
        boxes: (N, 4) what is cut out of photographs, as in `ftlab.data.views.parameters.ViewParameters`; else None.
    """

    matrices: Tensor
    boxes: Tensor | None


def whole_size(view_size: int) -> int:
    """Return the side of the crop that is cut into cells, for views of a size, in pixels.

    >>> whole_size(224), whole_size(96)
    (255, 109)
    """
    return round(view_size * WHOLE / VIEW)


def patch_size(view_size: int) -> int:
    """Return the side of a patch, for views of a size, in pixels.

    >>> patch_size(224), patch_size(96)
    (64, 27)
    """
    return round(view_size * PATCH / VIEW)


def sample_patches(num_images: int, *, generator: torch.Generator, aspects: Tensor | None = None) -> PatchParameters:
    """Draw a crop and a flip of each image, the order of its cells, and a place in each cell.

    Args:
        num_images: N.
        generator: Source of randomness; its device becomes the parameters'.
        aspects: (N,) widths of photographs divided by their heights, on that device; None for squares.
    """
    crops = sample_parameters(CROP, num_images, generator=generator, num_channels=1, aspects=aspects)
    device, side = generator.device, PATCH / WHOLE
    cells = torch.rand(num_images, NUM_PATCHES, generator=generator, device=device).argsort(dim=1)
    room = torch.rand(num_images, NUM_PATCHES, 2, generator=generator, device=device) * (1 / GRID - side)
    corners = torch.stack([cells % GRID, cells // GRID], dim=2) / GRID + room  # left and top, of 1
    # A crop only scales and shifts: elementwise, and safe from TF32's 10-bit mantissa.
    sides, shifts = crops.matrices[:, :, :2], crops.matrices[:, None, :, 2]
    centres = sides.diagonal(dim1=1, dim2=2)[:, None] * (2 * corners + side - 1) + shifts  # (N, 9, 2)
    scales = (side * sides)[:, None].expand(-1, NUM_PATCHES, -1, -1)
    return PatchParameters(torch.cat([scales, centres[..., None]], dim=3), crops.boxes)
