"""RandAugment (arXiv 1909.13719) on a batch: each image has its own operations, by timm's definitions."""

from enum import IntEnum
from math import pi

import torch
from torch import Tensor

from ftlab.data.views.colour import MAX_INTENSITY, adjust_brightness, adjust_contrast, adjust_saturation
from ftlab.data.views.equalisation import equalise, stretch
from ftlab.data.views.geometry import resample
from ftlab.data.views.sharpness import adjust_sharpness

UNREACHED = 2 * MAX_INTENSITY  # by any intensity


class Operation(IntEnum):
    """The operations, with their arguments at a strength s in [0, 1]: a tenth of RandAugment's magnitude.

    Those of timm's ``rand-m10``, as the authors of InfoMin (arXiv 2005.10243) use them; not all grow with s.

    Attributes:
        NOTHING: Leave the image.
        AUTO_CONTRAST: Stretch each channel to the whole range.
        EQUALISE: Make the intensities of each channel equally frequent.
        INVERT: Turn each intensity x into 255 - x.
        ROTATE: Turn about the centre by 30 s degrees.
        POSTERISE: Keep the upper ``floor(4 s)`` of 8 bits.
        SOLARISE: Invert the intensities from ``floor(256 s)`` on.
        SOLARISE_ADD: Add ``floor(110 s)`` to the intensities below 128.
        SATURATE: Change the saturation by the factor 0.1 + 1.8 s.
        CONTRAST: Change the contrast, likewise.
        BRIGHTEN: Change the brightness, likewise.
        SHARPEN: Change the sharpness, likewise.
        SHEAR_X: Shift each row by 0.3 s of its distance from the upper edge.
        SHEAR_Y: Shift each column by 0.3 s of its distance from the left edge.
        TRANSLATE_X: Shift by 0.45 s of the side.
        TRANSLATE_Y: Shift likewise, up or down.
    """

    NOTHING = 0
    AUTO_CONTRAST = 1
    EQUALISE = 2
    INVERT = 3
    ROTATE = 4
    POSTERISE = 5
    SOLARISE = 6
    SOLARISE_ADD = 7
    SATURATE = 8
    CONTRAST = 9
    BRIGHTEN = 10
    SHARPEN = 11
    SHEAR_X = 12
    SHEAR_Y = 13
    TRANSLATE_X = 14
    TRANSLATE_Y = 15


def rand_augment(images: Tensor, operations: Tensor, strengths: Tensor, fill: Tensor) -> Tensor:
    """Apply the n operations of each image, one after the other.

    Every operation runs over the whole batch, at a strength that leaves the images that did not choose it exactly as
    they are: the host need not know who chose. Intensities are not rounded in between, and what moves is interpolated
    bilinearly, where timm rounds and draws bilinear or bicubic.

    Args:
        images: (N, C, S, S) float32 in [0, 255], S at least 3; overwritten. C = 1 has no saturation.
        operations: (N, n) int64, see `Operation`.
        strengths: (N, n) in [-1, 1]; the sign is a direction for what moves, and means nothing to the others.
        fill: (1, C, 1, 1) colour of the space beyond the image, in [0, 255].

    Returns:
        (N, C, S, S) float32 in [0, 255].
    """
    for chosen, signed in zip(operations.unbind(1), strengths.unbind(1), strict=True):
        step = _Step(chosen.view(-1, 1, 1, 1), signed.view(-1, 1, 1, 1))
        images = _move(images, step, fill)
        images = _enhance(images, step)
        images = stretch(images, step.is_(Operation.AUTO_CONTRAST))
        images = equalise(images, step.is_(Operation.EQUALISE))
        images = _recode(images, step)
    return images


class _Step:
    """One operation of each image, and its (N, 1, 1, 1) arguments."""

    def __init__(self, operations: Tensor, strengths: Tensor) -> None:
        self._operations = operations
        self.signed = strengths
        self.strengths = strengths.abs()

    def is_(self, operation: Operation) -> Tensor:
        """Return who has the operation, (N, 1, 1, 1) bool."""
        return self._operations == operation

    def given(self, operation: Operation, values: Tensor, otherwise: float) -> Tensor:
        """Return the values of the images that have the operation, and that of the others which changes nothing."""
        return torch.where(self.is_(operation), values, otherwise)


def _move(images: Tensor, step: _Step, fill: Tensor) -> Tensor:
    """Rotate, shear or translate; the matrices map pixels to where they are read, from -1 to 1 across the image."""

    def argument(operation: Operation, factor: float) -> Tensor:
        return step.given(operation, factor * step.signed, 0.0).flatten()

    angle = argument(Operation.ROTATE, pi / 6)
    across, down = argument(Operation.SHEAR_X, 0.3), argument(Operation.SHEAR_Y, 0.3)
    right, below = argument(Operation.TRANSLATE_X, 0.9), argument(Operation.TRANSLATE_Y, 0.9)
    cos, sin = angle.cos(), angle.sin()
    rows = [
        torch.stack([cos, across - sin, across + right], dim=1),
        torch.stack([down + sin, cos, down + below], dim=1),
    ]
    matrices = torch.stack(rows, dim=1)
    # Beyond the image is 0, which is the colour that was subtracted.
    moved = resample(images - fill, matrices, images.shape[-1], black_outside=True) + fill
    stays = (matrices == torch.eye(2, 3, device=images.device)).all(dim=2).all(dim=1)
    return moved.lerp_(images, stays.view(-1, 1, 1, 1).float())


def _enhance(images: Tensor, step: _Step) -> Tensor:
    factors = 0.1 + 1.8 * step.strengths
    if images.shape[1] > 1:
        images = adjust_saturation(images, step.given(Operation.SATURATE, factors, 1.0))
    images = adjust_contrast(images, step.given(Operation.CONTRAST, factors, 1.0))
    images = adjust_brightness(images, step.given(Operation.BRIGHTEN, factors, 1.0))
    return adjust_sharpness(images, step.given(Operation.SHARPEN, factors, 1.0))


def _recode(images: Tensor, step: _Step) -> Tensor:
    """Posterise, add to the dark, and invert or solarise, which is to invert the bright."""
    width = 2 ** (8 - (4 * step.strengths).floor())  # of the intensities that become one
    # lerp with weights 0 and 1 selects exactly, at a fraction of the time of where
    images = images.lerp_((images / width).floor_().mul_(width), step.is_(Operation.POSTERISE).float())
    added = step.given(Operation.SOLARISE_ADD, (110 * step.strengths).floor(), 0.0)
    images = images.add_((images < 128).float().mul_(added)).clamp_(max=MAX_INTENSITY)
    inverted_from = step.given(Operation.SOLARISE, (256 * step.strengths).floor(), UNREACHED)
    inverted_from = torch.where(step.is_(Operation.INVERT), 0.0, inverted_from)
    return images.lerp_(MAX_INTENSITY - images, (images >= inverted_from).float())
