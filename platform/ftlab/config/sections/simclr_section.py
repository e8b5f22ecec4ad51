"""The section ``method`` of a trial of SimCLR."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ftlab.config.section import Temperature
from ftlab.config.sections.method_section import MethodSection
from ftlab.config.sections.trial_section import Effect, Whole
from ftlab.config.setting import Trait


class SimCLRSection(MethodSection):
    """The pretraining method: SimCLR."""

    implementation: ClassVar[str] = "ftlab.methods.simclr:SimCLR"

    name: Annotated[Literal["simclr"], Trait.EPOCH_COST] = Field("simclr", description="Pretraining method.")
    temperature: Temperature = Field(0.5, description="Temperature that divides the scores in InfoNCE.")
    partner: Literal["live", "mix_in_constant", "key_constant"] = Field(
        "live", description="Gradient through the other view of a mixed pair: all, none where mixed in, none at all."
    )

    def effects(self, whole: Whole) -> list[Effect]:
        """Return all settings, the partner's from the epoch on in which positives are mixed."""
        mixed = whole.positives_mixed
        effects = [effect for effect in super().effects(whole) if effect.name != "partner"]
        return [*effects, Effect("partner", self.partner, mixed.start + 1)] if mixed else effects
