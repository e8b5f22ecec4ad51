"""The section ``views`` of a trial."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from ftlab.config.sections.data_section import MAX_SIZE
from ftlab.config.sections.trial_section import Effect, TrialSection, Whole
from ftlab.config.setting import Settings, Trait
from ftlab.data.views.recipes import RECIPE_NAMES

if TYPE_CHECKING:
    Recipe = str
else:
    Recipe = Literal[RECIPE_NAMES]


def _check_order(scale: tuple[float, float]) -> tuple[float, float]:
    low, high = scale
    if low > high:
        raise ValueError(f"a range must satisfy low <= high, but got [{low}, {high}]; nearest valid: [{high}, {low}].")
    return scale


# A crop of a smaller share is hardly a pixel.
Share = Annotated[float, Field(ge=1e-4, le=1.0)]
Scale = Annotated[tuple[Share, Share], AfterValidator(_check_order)]


class ViewsConfig(TrialSection):
    """The two random views of an image, and smaller crops beside them."""

    recipe: Annotated[Recipe, Trait.EPOCH_COST] = Field(
        "digits",
        description="Augmentation recipe; parts of the colour jitter come in a fixed order, not in a random one.",
    )
    size: int | None = Field(
        None, ge=4, le=MAX_SIZE, description="Side of a view, in pixels; empty: that of the cached images."
    )
    crop_scale: Annotated[Scale | None, Trait.ADDED] = Field(
        None, description="Range of a view's share of the image's area; empty: that of the recipe."
    )
    small_crops: Annotated[int, Trait.ADDED, Trait.SWITCH, Trait.EPOCH_COST] = Field(
        0,
        ge=0,
        le=100,
        description="Small crops of each image beside the two views, for a method that takes them (multi-crop, "
        "arXiv 2006.09882, has 6, and views of a crop_scale of [0.14, 1]).",
    )
    small_size: Annotated[int, Trait.ADDED, Trait.EPOCH_COST] = Field(
        96, ge=4, le=MAX_SIZE, description="Side of a small crop, in pixels, at most that of a view."
    )
    small_scale: Annotated[Scale, Trait.ADDED] = Field(
        (0.05, 0.14), description="Range of a small crop's share of the image's area."
    )

    def check(self, whole: Whole) -> None:
        """Check that the method takes small crops, and that they are not larger than views."""
        if self.small_crops and not whole.takes_small_crops:
            raise ValueError(
                "views.small_crops must be 0 for a method that takes two views alone, but got "
                f"small_crops={self.small_crops}, method.name={whole.method_name!r}; nearest valid small_crops: 0."
            )
        if self.small_crops and self.small_size > whole.view_size:
            raise ValueError(
                "views.small_size must be at most the side of a view, but got "
                f"small_size={self.small_size}, views of {whole.view_size}; "
                f"nearest valid small_size: {whole.view_size}."
            )

    def effects(self, whole: Whole) -> list[Effect]:
        """Return all settings, those of small crops where there are some."""
        idle = () if self.small_crops else ("small_size", "small_scale")
        return [effect for effect in super().effects(whole) if effect.name not in idle]

    def settings(self, whole: Whole) -> Settings:
        """Return the settings with the size of a view filled in."""
        return {**super().settings(whole), "size": whole.view_size}
