"""The random changes that turn an image into a view, and their strengths."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ftlab.plugins import load_plugin, plugin_names

Range = tuple[float, float]


@dataclass(frozen=True)
class RandAugment:
    """Random operations of RandAugment (arXiv 1909.13719), each chosen among 15, see `ftlab.data.views.rand_augment`.

    Attributes:
        num_operations: Operations of a view, one after the other.
        magnitude: Mean of the normal distribution that the magnitude of each is drawn from; cut off at 0 and 10.
        magnitude_deviation: Its standard deviation.
        probability: Chance that a chosen operation is applied.
    """

    num_operations: int = 2
    magnitude: float = 10.0
    magnitude_deviation: float = 0.5
    probability: float = 0.5


@dataclass(frozen=True)
class ViewRecipe:
    """Random changes of one view; the defaults change nothing but the crop.

    Attributes:
        crop_scale: Range of the crop's area, as a fraction of the image's.
        crop_ratio: Range of the crop's width divided by its height.
        flip_probability: Chance of a horizontal flip.
        rotation_degrees: Largest angle in either direction.
        jitter_probability: Chance that brightness, contrast, saturation and hue are changed at all.
        brightness: Strength b; the factor is uniform in [max(0, 1 - b), 1 + b].
        contrast: Strength of the contrast's factor, likewise.
        saturation: Strength of the saturation's factor, likewise.
        hue: Largest shift in either direction, as a fraction of the colour circle, at most 0.5.
        grayscale_probability: Chance of losing the colours.
        blur_probability: Chance of a Gaussian blur.
        blur_sigma: Range of the blur's standard deviation, in pixels of the view.
        rand_augment: Operations after the blur, before colours are lost; None for none.
    """

    crop_scale: Range
    crop_ratio: Range = (3 / 4, 4 / 3)
    flip_probability: float = 0.0
    rotation_degrees: float = 0.0
    jitter_probability: float = 1.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    grayscale_probability: float = 0.0
    blur_probability: float = 0.0
    blur_sigma: Range = (0.1, 2.0)
    rand_augment: RandAugment | None = None

    def cropped(self, scale: Range | None) -> "ViewRecipe":
        """Return the recipe with another range of the crop's area; itself for None."""
        return self if scale is None else replace(self, crop_scale=scale)


# moco_v1 and moco_v2: arXiv 2108.02982, settings of its MoCo baselines; infomin: recipe D of the authors' code of arXiv
# 2005.10243; digits: for 8x8 pixels, where a flip or a blur would turn one digit into another
BUILT_IN: Mapping[str, ViewRecipe] = {
    "moco_v1": ViewRecipe(
        crop_scale=(0.2, 1.0),
        flip_probability=0.5,
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.4,
        grayscale_probability=0.2,
    ),
    "moco_v2": ViewRecipe(
        crop_scale=(0.2, 1.0),
        flip_probability=0.5,
        jitter_probability=0.8,
        brightness=0.4,
        contrast=0.4,
        saturation=0.4,
        hue=0.1,
        grayscale_probability=0.2,
        blur_probability=0.5,
        blur_sigma=(0.1, 2.0),
    ),
    "infomin": ViewRecipe(
        crop_scale=(0.2, 1.0),
        flip_probability=0.5,
        jitter_probability=0.8,
        brightness=0.8,
        contrast=0.8,
        saturation=0.8,
        hue=0.2,
        grayscale_probability=0.2,
        blur_probability=0.5,
        blur_sigma=(0.1, 2.0),
        rand_augment=RandAugment(),
    ),
    "digits": ViewRecipe(crop_scale=(0.3, 1.0), rotation_degrees=15.0, brightness=0.4, contrast=0.4),
}

RECIPE_NAMES = (*BUILT_IN, *(name for name in plugin_names("views") if name not in BUILT_IN))


def find_recipe(name: str) -> ViewRecipe:
    """Return the recipe of a name in `RECIPE_NAMES`.

    Raises:
        ConfigError: That of another package cannot be imported, or is none.
    """
    return BUILT_IN[name] if name in BUILT_IN else load_plugin("views", name, ViewRecipe)
