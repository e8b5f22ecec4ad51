"""The section ``model`` of a trial."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ftlab.config.section import MANY
from ftlab.config.sections.trial_section import Effect, TrialSection, Whole
from ftlab.config.setting import Trait
from ftlab.encoders.backbones import BACKBONE_NAMES, Stem, find_backbone

if TYPE_CHECKING:
    BackboneName = str
else:
    BackboneName = Literal[BACKBONE_NAMES]


class ModelConfig(TrialSection):
    """The encoder that is pretrained."""

    backbone: Annotated[
        BackboneName,
        Trait.SWITCH,
        Trait.EPOCH_COST,
        Trait.PROBE_COST,
        Trait.CHECKPOINT_COST,
    ] = Field("small_cnn", description="Encoder.")
    stem: Annotated[Stem, Trait.EPOCH_COST, Trait.PROBE_COST, Trait.CHECKPOINT_COST] = Field(
        "imagenet", description="First layers of a ResNet: 3x3 stride 1 without pooling (cifar) or 7x7 stride 2."
    )
    width: Annotated[int, Trait.ADDED, Trait.EPOCH_COST, Trait.PROBE_COST, Trait.CHECKPOINT_COST] = Field(
        16, ge=1, le=4096, description="Channels of the small CNN's first block; each later block has twice as many."
    )
    depth: Annotated[int, Trait.ADDED, Trait.EPOCH_COST, Trait.PROBE_COST, Trait.CHECKPOINT_COST] = Field(
        3, ge=1, le=8, description="Blocks of the small CNN; each but the first halves the side."
    )
    zero_init_residual: Annotated[bool, Trait.ADDED] = Field(
        False,
        description="Whether the last batch normalisation of each residual branch begins with a scale of 0, as in "
        "SimSiam's own code; else with 1.",
    )
    head: Annotated[Literal["linear", "mlp"], Trait.EPOCH_COST, Trait.CHECKPOINT_COST] = Field(
        "mlp", description="Projection head: linear (MoCo v1) or two layers (v2)."
    )
    feature_dim: Annotated[int, Trait.EPOCH_COST, Trait.CHECKPOINT_COST] = Field(
        64, ge=2, le=MANY, description="Dimension C of the contrasted features."
    )
    bn_groups: Annotated[int, Trait.EPOCH_COST] = Field(
        4, ge=1, le=MANY, description="Groups of a batch that are normalised apart, as if each lay on its own device."
    )

    def check(self, whole: Whole) -> None:
        """Check that the backbone takes images of the size of small crops too."""
        if whole.small_size is None:
            return
        smallest = find_backbone(self.backbone).smallest_image
        if smallest is None:
            raise ValueError(
                "views.small_crops must be 0 for a backbone that is not known to take images of several sizes, but got "
                f"model.backbone={self.backbone!r}; nearest valid small_crops: 0."
            )
        if whole.small_size < smallest:
            fits = smallest <= whole.view_size
            raise ValueError(
                f"views.small_size must be at least {smallest} for model.backbone={self.backbone!r}, but got "
                f"{whole.small_size}; nearest valid {f'small_size: {smallest}' if fits else 'small_crops: 0'}."
            )

    def effects(self, whole: Whole) -> list[Effect]:
        """Return all settings, without those that the backbone does not have, and a head that the method replaces."""
        backbone = find_backbone(self.backbone)
        idle = {*([] if backbone.stems else ["stem"]), *([] if backbone.is_scaled else ["width", "depth"])}
        idle |= set() if backbone.has_residual_branches else {"zero_init_residual"}
        idle |= {"head"} if whole.has_own_head else set()
        return [effect for effect in super().effects(whole) if effect.name not in idle]
