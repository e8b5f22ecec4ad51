"""Random parameters of views, drawn for a whole epoch at once and independent for each view."""

from dataclasses import dataclass, fields, replace
from math import log
from typing import Any

import torch
from torch import Tensor

from ftlab.data.views.blur import NO_BLUR
from ftlab.data.views.geometry import crop_matrices
from ftlab.data.views.rand_augment import Operation
from ftlab.data.views.recipes import RandAugment, Range, ViewRecipe

NUM_CROP_ATTEMPTS = 10


@dataclass(frozen=True)
class ViewParameters:
    """Parameters of the changes to each of N images; None for a change that the recipe never makes.

    An image that is spared a change has the strength that changes nothing, so that no view depends on another.

    Attributes:
        matrices: (N, 2, 3) crop, rotation and flip, see `ftlab.data.views.geometry.crop_matrices`.
        rotated: Whether the recipe rotates; then the space beyond the image is black, else its edge is repeated.
        brightness: (N, 1, 1, 1) factors.
        contrast: (N, 1, 1, 1) factors.
        saturation: (N, 1, 1, 1) factors.
        hue: (N, 1, 1, 1) shifts, as a fraction of the colour circle.
        colour_kept: (N, 1, 1, 1), 0 where the view loses its colours, else 1.
        blur_sigma: (N, 1, 1, 1) in pixels of the view.
        largest_sigma: The largest deviation that the recipe draws.
        boxes: (N, 4) left, top, width and height of the crops, as fractions of a photograph's; then ``matrices`` change
            what is cut out. None where ``matrices`` crop.
        operations: (N, n) int64, those of RandAugment, see `ftlab.data.views.rand_augment.Operation`.
        strengths: (N, n) of the operations, in [-1, 1].
    """

    matrices: Tensor
    rotated: bool
    brightness: Tensor | None = None
    contrast: Tensor | None = None
    saturation: Tensor | None = None
    hue: Tensor | None = None
    colour_kept: Tensor | None = None
    blur_sigma: Tensor | None = None
    largest_sigma: float = 2.0
    boxes: Tensor | None = None
    operations: Tensor | None = None
    strengths: Tensor | None = None

    def __len__(self) -> int:
        return self.matrices.shape[0]

    def __getitem__(self, rows: slice | Tensor) -> "ViewParameters":
        """Return the parameters of some views: a slice, or a tensor of positions on the same device."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        chosen: dict[str, Any] = {name: value[rows] for name, value in values.items() if isinstance(value, Tensor)}
        return replace(self, **chosen)


def sample_parameters(
    recipe: ViewRecipe,
    num_images: int,
    *,
    generator: torch.Generator,
    num_channels: int,
    aspects: Tensor | None = None,
) -> ViewParameters:
    """Draw the parameters of one view of each image.

    Crops follow torchvision's ``RandomResizedCrop``, but are not rounded to whole pixels. A photograph is cropped
    before all else; where the recipe rotates, it turns the crop, and what lies beyond is black.

    Args:
        recipe: The random changes of an image.
        num_images: N.
        generator: Source of randomness; its device becomes the parameters'.
        num_channels: 1 drops the steps that need colours.
        aspects: (N,) widths of photographs divided by their heights, on the generator's device; None for squares.
    """
    draw = _Draw(generator, num_images)
    left, top, width, height = _sample_crops(recipe, draw, aspects)
    boxes = None
    if aspects is not None:
        boxes = torch.stack([left, top, width, height], dim=1)
        nothing, whole = torch.zeros_like(left), torch.ones_like(left)
        left, top, width, height = nothing, nothing, whole, whole
    flipped = draw.happens(recipe.flip_probability)
    degrees = draw.uniform(-recipe.rotation_degrees, recipe.rotation_degrees) if recipe.rotation_degrees else None
    coloured = num_channels > 1
    jittered = draw.happens(recipe.jitter_probability)
    operations, strengths = _sample_operations(recipe.rand_augment, draw)
    return ViewParameters(
        matrices=crop_matrices(left, top, width, height, flipped, degrees),
        rotated=degrees is not None,
        brightness=draw.factors(recipe.brightness, jittered),
        contrast=draw.factors(recipe.contrast, jittered),
        saturation=draw.factors(recipe.saturation, jittered) if coloured else None,
        hue=draw.applied((-recipe.hue, recipe.hue), jittered, 0.0) if coloured and recipe.hue else None,
        colour_kept=_sample_colour_kept(recipe, draw) if coloured else None,
        blur_sigma=_sample_blur(recipe, draw),
        largest_sigma=recipe.blur_sigma[1],
        boxes=boxes,
        operations=operations,
        strengths=strengths,
    )


class _Draw:
    """Draws one number for each of N views."""

    def __init__(self, generator: torch.Generator, num_images: int) -> None:
        self._generator = generator
        self.num_images = num_images

    def uniform(self, low: float, high: float, num_columns: int | None = None) -> Tensor:
        shape = (self.num_images,) if num_columns is None else (self.num_images, num_columns)
        values = torch.empty(shape, device=self._generator.device)
        return values.uniform_(low, high, generator=self._generator)

    def normal(self, mean: float, deviation: float, num_columns: int) -> Tensor:
        values = torch.empty((self.num_images, num_columns), device=self._generator.device)
        return values.normal_(mean, deviation, generator=self._generator)

    def happens(self, probability: float, num_columns: int | None = None) -> Tensor:
        return self.uniform(0.0, 1.0, num_columns) < probability

    def applied(self, values: Range, mask: Tensor, otherwise: float) -> Tensor:
        return torch.where(mask, self.uniform(*values), otherwise).view(-1, 1, 1, 1)

    def factors(self, strength: float, mask: Tensor) -> Tensor | None:
        return self.applied((max(0.0, 1.0 - strength), 1.0 + strength), mask, 1.0) if strength else None


def _sample_crops(recipe: ViewRecipe, draw: _Draw, aspects: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return left, top, width and height of each crop, (N,), as fractions of the image's width and height.

    Like torchvision, the first of ten attempts that fits into the image counts, and the largest crop around the centre
    with a ratio of the recipe's if none does; of a square, that is the whole. All ten are drawn at once.
    """
    areas = draw.uniform(*recipe.crop_scale, NUM_CROP_ATTEMPTS)
    low, high = recipe.crop_ratio
    ratios = draw.uniform(log(low), log(high), NUM_CROP_ATTEMPTS).exp_()
    whole_width = whole_height = torch.ones((), device=areas.device)
    if aspects is not None:
        ratios = ratios / aspects[:, None]  # of fractions instead of pixels
        whole_width, whole_height = (high / aspects).clamp(max=1.0), (aspects / low).clamp(max=1.0)
    widths, heights = (areas * ratios).sqrt_(), (areas / ratios).sqrt_()
    fits = (widths <= 1.0) & (heights <= 1.0)
    first = fits.int().argmax(dim=1, keepdim=True)  # argmax returns the first of equals
    any_fits = fits.any(dim=1)
    width = torch.where(any_fits, widths.gather(1, first)[:, 0], whole_width)
    height = torch.where(any_fits, heights.gather(1, first)[:, 0], whole_height)
    across, down = (torch.where(any_fits, draw.uniform(0.0, 1.0), 0.5) for _ in range(2))
    return across * (1 - width), down * (1 - height), width, height


def _sample_colour_kept(recipe: ViewRecipe, draw: _Draw) -> Tensor | None:
    if not recipe.grayscale_probability:
        return None
    return (~draw.happens(recipe.grayscale_probability)).float().view(-1, 1, 1, 1)


def _sample_blur(recipe: ViewRecipe, draw: _Draw) -> Tensor | None:
    if not recipe.blur_probability:
        return None
    return draw.applied(recipe.blur_sigma, draw.happens(recipe.blur_probability), NO_BLUR)


def _sample_operations(augment: RandAugment | None, draw: _Draw) -> tuple[Tensor, Tensor] | tuple[None, None]:
    """Return the (N, n) operations and strengths of each view."""
    if augment is None:
        return None, None
    num_columns, last = augment.num_operations, len(Operation) - 1
    # A number just below 1 may be rounded up.
    chosen = (1 + draw.uniform(0.0, 1.0, num_columns) * last).long().clamp_(max=last)
    operations = torch.where(draw.happens(augment.probability, num_columns), chosen, Operation.NOTHING)
    strengths = draw.normal(augment.magnitude, augment.magnitude_deviation, num_columns).clamp_(0.0, 10.0) / 10
    return operations, torch.where(draw.happens(0.5, num_columns), strengths, -strengths)
