"""The section ``data`` of a trial."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ftlab.config.section import MANY
from ftlab.config.sections.trial_section import Effect, TrialSection, Whole
from ftlab.config.setting import Trait
from ftlab.plugins import plugin_names

if TYPE_CHECKING:
    DataName = str
else:
    # Those of `ftlab.data.sets.catalogue`, which imports what decodes images.
    DataName = Literal["digits", "cifar10", "cifar100", "stl10", "fashion_mnist", "folder", *plugin_names("data")]


# A square of this side has about as many pixels as the largest image that is decoded.
MAX_SIZE = 8192


class DataConfig(TrialSection):
    """The images that are trained on."""

    name: Annotated[DataName, Trait.SWITCH] = Field(
        "digits", description="Data set; `folder` reads train/ and test/ class folders below `root`."
    )
    root: Annotated[str | None, Trait.PATH] = Field(
        None, description="Folder that holds the files; empty: the data folder of FTLAB_HOME."
    )
    image_size: Annotated[int, Trait.EPOCH_COST, Trait.PROBE_COST] = Field(
        8, ge=4, le=MAX_SIZE, description="Side of the cached square images, in pixels."
    )
    short_side: Annotated[int | None, Trait.ADDED, Trait.EPOCH_COST, Trait.PROBE_COST] = Field(
        None,
        ge=4,
        le=MAX_SIZE,
        description="Short side of a folder's cached images, in pixels; they keep their aspect ratio and are never "
        "enlarged. Empty: squares of image_size.",
    )
    max_per_class: Annotated[int | None, Trait.ADDED, Trait.EPOCH_COST, Trait.PROBE_COST] = Field(
        None, ge=1, le=100 * MANY, description="Images of each class that a split keeps, drawn once; empty: all."
    )
    held_out: Annotated[float, Trait.ADDED, Trait.EPOCH_COST, Trait.PROBE_COST] = Field(
        0.0,
        ge=0.0,
        le=0.9,
        description="Part of each class's training images that is held out and judged on in place of the test images, "
        "to choose settings by.",
    )
    imbalance: Annotated[float | None, Trait.ADDED] = Field(
        None,
        ge=1.0,
        le=MANY,
        description="Training images of the first class for each one of the last, in a long tail that is made from a "
        "balanced set: a number that falls exponentially from class to class (arXiv 1901.05555), drawn once. Test "
        "images, held-out images and images without a label all stay. Empty: all.",
    )
    class_list: Annotated[str | None, Trait.PATH] = Field(
        None, description="File with one class folder a line; selects a subset of a folder."
    )
    corrupt_images: Literal["refuse", "skip"] = Field("refuse", description="Treatment of unreadable images.")
    download: Annotated[bool, Trait.UNMARKED] = Field(
        False, description="Whether a missing data set may be downloaded."
    )

    @property
    def judged_on(self) -> str:
        """Images that take the place of the test images, in words; empty where those are judged on."""
        return f"{self.held_out:.0%} of the training images, held out" if self.held_out else ""

    def effects(self, whole: Whole) -> list[Effect]:
        """Return all settings except those that the chosen data set does not use."""
        idle = {"digits": ("root", "class_list", "corrupt_images", "download"), "folder": ("download",)}
        squares = () if self.short_side is None else ("image_size",)
        without = (*squares, *idle.get(self.name, ("class_list", "corrupt_images")))
        return [effect for effect in super().effects(whole) if effect.name not in without]
