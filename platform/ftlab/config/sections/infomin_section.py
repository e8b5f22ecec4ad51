"""The section ``method`` of a trial of InfoMin."""

from typing import Annotated, Literal

from pydantic import Field

from ftlab.config.section import Temperature
from ftlab.config.sections.moco_section import MoCoSection
from ftlab.config.setting import Trait


class InfoMinSection(MoCoSection):
    """The pretraining method: InfoMin (arXiv 2005.10243) without its jigsaw branch.

    In the tables of arXiv 2108.02982 InfoMin is no learning of views but a recipe: MoCo v2 at a temperature of 0.15,
    the views of ``infomin``, and a second loss, of shuffled patches, which is not built. Without it, this is MoCo at
    that temperature; so it is on images too small for patches and for those views, such as the digits. FT is MoCo's, as
    in the authors' code, which would leave the loss of the patches untransformed.
    """

    name: Annotated[Literal["infomin"], Trait.EPOCH_COST] = Field(  # type: ignore[assignment]  # told apart by it
        "infomin", description="Pretraining method."
    )
    temperature: Temperature = Field(0.15, description="Temperature that divides the scores in InfoNCE.")
