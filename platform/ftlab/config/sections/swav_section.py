"""The section ``method`` of a trial of SwAV."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ftlab.config.section import MANY, Temperature
from ftlab.config.sections.method_section import MethodSection
from ftlab.config.sections.trial_section import Effect, Whole
from ftlab.config.setting import Trait


class SwAVSection(MethodSection):
    """The pretraining method: SwAV."""

    implementation: ClassVar[str] = "ftlab.methods.swav:SwAV"
    has_own_head: ClassVar[bool] = True
    takes_small_crops: ClassVar[bool] = True

    name: Annotated[Literal["swav"], Trait.EPOCH_COST] = Field("swav", description="Pretraining method.")
    temperature: Temperature = Field(0.1, description="Temperature that divides the scores of a prediction.")
    epsilon: Temperature = Field(
        0.05, description="Smoothness of the codes; a lower one keeps codes from becoming uniform."
    )
    sinkhorn_iterations: Annotated[int, Trait.EPOCH_COST] = Field(
        3, ge=1, le=1000, description="Iterations of Sinkhorn's algorithm, which balances the codes."
    )
    num_prototypes: Annotated[int, Trait.EPOCH_COST, Trait.CHECKPOINT_COST] = Field(
        300, ge=2, le=MANY, description="Number K of prototypes; the paper has 3000 for ImageNet."
    )
    head_width: Annotated[int, Trait.EPOCH_COST, Trait.CHECKPOINT_COST] = Field(
        128, ge=1, le=MANY, description="Hidden width of the projection head; the paper has 2048."
    )
    freeze_prototypes_epochs: int = Field(
        0, ge=0, le=MANY, description="First epochs in which prototypes are not trained; the paper has 1."
    )
    queue_size: Annotated[int, Trait.EPOCH_COST, Trait.CHECKPOINT_COST] = Field(
        0, ge=0, le=100 * MANY, description="Earlier features of each view that help to balance codes; 0: none."
    )
    queue_start_epoch: int = Field(
        15, ge=0, le=MANY, description="Epochs before the queue takes part, which it does once it is full."
    )

    def effects(self, whole: Whole) -> list[Effect]:
        """Return all settings: the epochs at which something changes from then on, and the queue's where there is one.

        So trials share the epochs before prototypes are trained, or the queue takes part.
        """
        since = {
            "freeze_prototypes_epochs": self.freeze_prototypes_epochs + 1,
            "queue_start_epoch": self.queue_start_epoch + 1,
        }
        effects = [effect._replace(since=since.get(effect.name, effect.since)) for effect in super().effects(whole)]
        return [effect for effect in effects if self.queue_size or effect.name != "queue_start_epoch"]

    def check(self, whole: Whole) -> None:
        """Check that FT is defined for prototypes, and leaves each some others."""
        if whole.negatives not in ("none", "interpolate"):
            raise ValueError(
                "transform.negatives must be 'none' or 'interpolate' for method.name='swav', whose negatives are "
                f"prototypes, but got {whole.negatives!r}; nearest valid negatives: 'interpolate'."
            )
        if whole.query_for_negatives != "transformed":
            raise ValueError(
                "transform.query_for_negatives must be 'transformed' for method.name='swav', which has one vector "
                f"a view, but got {whole.query_for_negatives!r}; nearest valid query_for_negatives: 'transformed'."
            )
        if whole.negatives == "interpolate" and self.num_prototypes < 3:
            raise ValueError(
                "method.num_prototypes must be at least 3 to mix prototypes, since two mixed ones may hold the same, "
                f"but got {self.num_prototypes}; nearest valid num_prototypes: 3."
            )
