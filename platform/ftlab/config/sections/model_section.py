"""The section ``model`` of a trial."""

from typing import Annotated, Literal

from pydantic import Field

from ftlab.config.sections.trial_section import Effect, TrialSection, Whole
from ftlab.config.setting import Trait


class ModelConfig(TrialSection):
    """The encoder that is pretrained."""

    backbone: Annotated[
        Literal["small_cnn", "resnet18", "resnet34", "resnet50"],
        Trait.SWITCH,
        Trait.EPOCH_COST,
        Trait.PROBE_COST,
        Trait.CHECKPOINT_COST,
    ] = Field("small_cnn", description="Encoder.")
    stem: Annotated[Literal["cifar", "imagenet"], Trait.EPOCH_COST, Trait.PROBE_COST, Trait.CHECKPOINT_COST] = Field(
        "imagenet", description="First layers of a ResNet: 3x3 stride 1 without pooling (cifar) or 7x7 stride 2."
    )
    head: Annotated[Literal["linear", "mlp"], Trait.EPOCH_COST, Trait.CHECKPOINT_COST] = Field(
        "mlp", description="Projection head: linear (MoCo v1) or two layers (v2)."
    )
    feature_dim: Annotated[int, Trait.EPOCH_COST, Trait.CHECKPOINT_COST] = Field(
        64, ge=2, description="Dimension C of the contrasted features."
    )
    bn_groups: Annotated[int, Trait.EPOCH_COST] = Field(
        4, ge=1, description="Groups of a batch that are normalised apart, as if each lay on its own device."
    )

    def effects(self, whole: Whole) -> list[Effect]:
        """Return all settings, without the stem if the backbone is not a ResNet."""
        return [effect for effect in super().effects(whole) if effect.name != "stem" or self.backbone != "small_cnn"]
