"""The section ``views`` of a trial."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ftlab.config.sections.data_section import MAX_SIZE
from ftlab.config.sections.trial_section import TrialSection, Whole
from ftlab.config.setting import Settings, Trait
from ftlab.data.views.recipes import RECIPE_NAMES

if TYPE_CHECKING:
    Recipe = str
else:
    Recipe = Literal[RECIPE_NAMES]


class ViewsConfig(TrialSection):
    """The two random views of an image."""

    recipe: Annotated[Recipe, Trait.EPOCH_COST] = Field(
        "digits",
        description="Augmentation recipe; parts of the colour jitter come in a fixed order, not in a random one.",
    )
    size: int | None = Field(
        None, ge=4, le=MAX_SIZE, description="Side of a view, in pixels; empty: that of the cached images."
    )

    def settings(self, whole: Whole) -> Settings:
        """Return the settings with the size of a view filled in."""
        return {**super().settings(whole), "size": whole.view_size}
