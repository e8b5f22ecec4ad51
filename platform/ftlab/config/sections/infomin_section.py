"""The section ``method`` of a trial of InfoMin."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ftlab.config.section import Fraction, Temperature
from ftlab.config.sections.moco_section import MoCoSection
from ftlab.config.sections.trial_section import Whole
from ftlab.config.setting import Trait

SMALLEST_VIEW = 96


class InfoMinSection(MoCoSection):
    """The pretraining method: InfoMin (arXiv 2005.10243).

    In the tables of arXiv 2108.02982 InfoMin is no learning of views but a recipe: MoCo v2 at a temperature of 0.15,
    the views of ``infomin``, and half of the loss from a jigsaw puzzle of patches. Without the puzzle, this is MoCo at
    that temperature; so it is on images too small for patches and for those views, such as the digits. FT is MoCo's, as
    in the authors' code, which leaves the puzzle untransformed.
    """

    implementation: ClassVar[str] = "ftlab.methods.infomin:InfoMin"

    name: Annotated[Literal["infomin"], Trait.EPOCH_COST] = Field(  # type: ignore[assignment]  # told apart by it
        "infomin", description="Pretraining method."
    )
    temperature: Temperature = Field(0.15, description="Temperature that divides the scores in InfoNCE.")
    jigsaw_weight: Annotated[Fraction, Trait.EPOCH_COST, Trait.CHECKPOINT_COST] = Field(
        0.0, description="Share of the loss of shuffled patches, 0.5 in the authors' code; 0: no patches."
    )

    def check(self, whole: Whole) -> None:
        """Check that the queue holds the keys of a step, and that patches are not too small."""
        super().check(whole)
        if self.jigsaw_weight and whole.view_size < SMALLEST_VIEW:
            raise ValueError(
                f"method.jigsaw_weight above 0 needs views of at least {SMALLEST_VIEW} pixels, but got "
                f"jigsaw_weight={self.jigsaw_weight}, views of {whole.view_size}; "
                f"nearest valid: views.size={SMALLEST_VIEW}, or jigsaw_weight=0."
            )
