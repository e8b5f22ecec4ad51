"""The section ``method`` of a trial of SimSiam."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ftlab.config.section import MANY, Fraction
from ftlab.config.sections.method_section import MethodSection
from ftlab.config.sections.transform_section import first_epoch
from ftlab.config.sections.trial_section import NEVER, Effect, Whole
from ftlab.config.setting import Trait


class SimSiamSection(MethodSection):
    """The pretraining method: SimSiam."""

    implementation: ClassVar[str] = "ftlab.methods.simsiam:SimSiam"
    has_own_head: ClassVar[bool] = True
    has_negatives: ClassVar[bool] = False

    name: Annotated[Literal["simsiam"], Trait.EPOCH_COST] = Field("simsiam", description="Pretraining method.")
    projector_layers: Annotated[int, Trait.EPOCH_COST, Trait.CHECKPOINT_COST] = Field(
        2, ge=2, le=3, description="Linear layers of the projector, each with batch normalisation."
    )
    head_width: Annotated[int, Trait.EPOCH_COST, Trait.CHECKPOINT_COST] = Field(
        128, ge=1, le=MANY, description="Width of the projector's hidden layers."
    )
    predictor_width: Annotated[int, Trait.EPOCH_COST, Trait.CHECKPOINT_COST] = Field(
        32, ge=1, le=MANY, description="Width of the predictor's hidden layer, its bottleneck."
    )
    predictor_rate: Literal["constant", "scheduled"] = Field(
        "constant", description="Learning rate of the predictor: the peak throughout, or that of the encoder."
    )
    loss_scale: Annotated[float, Trait.SWITCH] = Field(
        1.0, ge=1e-6, le=1e6, description="Factor of the loss; the control of what FT does to a loss linear in scores."
    )
    loss_scale_start: Fraction = Field(
        0.0,
        description="Fraction of training after which the loss has that factor, in whole epochs: rounded as that of "
        "transform.start.",
    )

    def scaled_epochs(self, epochs: int) -> range:
        """Return the 0-based epochs in which the loss has its factor, out of ``epochs``; empty if it is 1."""
        return range(first_epoch(self.loss_scale_start, epochs), epochs) if self.loss_scale != 1.0 else range(0)

    def effects(self, whole: Whole) -> list[Effect]:
        """Return all settings, the factor of the loss from the epoch on in which the loss has it.

        Its start is given in epochs, so that fractions with the same meaning are equal. If the loss never has the
        factor, only the settings that are the reason are returned.
        """
        scaled = self.scaled_epochs(whole.epochs)
        factor = {"loss_scale": self.loss_scale, "loss_scale_start": scaled.start}
        effects = [effect for effect in super().effects(whole) if effect.name not in factor]
        if scaled:
            return [*effects, *(Effect(name, value, scaled.start + 1) for name, value in factor.items())]
        reasons = ["loss_scale", *(["loss_scale_start"] if self.loss_scale != 1.0 else [])]
        return [*effects, *(Effect(name, factor[name], NEVER) for name in reasons)]
