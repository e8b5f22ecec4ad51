"""The settings that experiments may name; imports no torch, because every command of ftlab reads it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ftlab.config.sections.method_section import MethodSection
from ftlab.config.setting import Trait


class AlignmentUniformitySection(MethodSection):
    """The pretraining method: alignment and uniformity."""

    implementation: ClassVar[str] = "own_package.alignment_uniformity:AlignmentUniformity"

    name: Annotated[Literal["alignment_uniformity"], Trait.EPOCH_COST] = Field("alignment_uniformity")
    uniformity_weight: float = Field(1.0, ge=0.0, description="Weight of uniformity; 0 collapses.")
