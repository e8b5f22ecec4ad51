"""The section ``method`` of a trial."""

from typing import Annotated, Literal

from pydantic import Field

from ftlab.config.section import Fraction
from ftlab.config.sections.trial_section import TrialSection
from ftlab.config.setting import Trait


class MethodConfig(TrialSection):
    """The pretraining method."""

    name: Annotated[Literal["moco"], Trait.EPOCH_COST] = Field("moco", description="Pretraining method.")
    key_momentum: Fraction = Field(0.99, description="Share of the old key encoder in each update; 1 freezes it.")
    queue_size: Annotated[int, Trait.EPOCH_COST, Trait.CHECKPOINT_COST] = Field(
        1024, ge=1, description="Number K of negatives."
    )
    temperature: float = Field(0.1, gt=0.0, description="Temperature that divides the scores in InfoNCE.")
