"""The section ``method`` of a trial of MoCo."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ftlab.config.section import MANY, Fraction, Temperature
from ftlab.config.sections.method_section import MethodSection
from ftlab.config.sections.trial_section import Whole
from ftlab.config.setting import Trait


class MoCoSection(MethodSection):
    """The pretraining method: MoCo."""

    implementation: ClassVar[str] = "ftlab.methods.moco:MoCo"

    name: Annotated[Literal["moco"], Trait.EPOCH_COST] = Field("moco", description="Pretraining method.")
    key_momentum: Fraction = Field(0.99, description="Share of the old key encoder in each update; 1 freezes it.")
    queue_size: Annotated[int, Trait.EPOCH_COST, Trait.CHECKPOINT_COST] = Field(
        1024, ge=1, le=100 * MANY, description="Number K of negatives."
    )
    temperature: Temperature = Field(0.1, description="Temperature that divides the scores in InfoNCE.")
    symmetric: Annotated[bool, Trait.ADDED, Trait.EPOCH_COST] = Field(
        False, description="Whether each of the two views is a query once and a key once; twice the forward passes."
    )

    def check(self, whole: Whole) -> None:
        """Check that the queue holds the keys of a step."""
        needed, what = whole.batch_size, "train.batch_size"
        if self.symmetric:
            needed, what = 2 * needed, "twice train.batch_size where method.symmetric=true"
        if self.queue_size < needed:
            raise ValueError(
                f"method.queue_size must be at least {what}, but got "
                f"queue_size={self.queue_size}, batch_size={whole.batch_size}; "
                f"nearest valid queue_size: {needed}."
            )
