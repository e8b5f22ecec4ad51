"""The schema of weights that another program trained."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from ftlab.config.section import Section
from ftlab.config.sections.data_section import MAX_SIZE
from ftlab.encoders.backbones import RESNETS, Layout
from ftlab.errors import ConfigError

if TYPE_CHECKING:
    ModelName = str
else:
    ModelName = Literal[RESNETS]

Values = Annotated[tuple[Annotated[float, Field(ge=-1e3, le=1e3)], ...], Field(min_length=1, max_length=4)]
# Of torchvision, timm, lightly and the authors' code of MoCo, SimSiam and SwAV, for colours.
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class WeightsConfig(Section):
    """Weights of a backbone that another program trained, a row of the table over tasks."""

    file: str = Field(min_length=1, description="File of the weights: .safetensors, or what torch.save wrote.")
    name: str = Field("", description="Name of the row; empty: that of the file.")
    kind: Layout = Field(
        "torchvision",
        description="Library whose names the weights have: torchvision's and timm's are the same; lightly's number the "
        "layers.",
    )
    prefix: str = Field("", description="What stands before these names in the file, such as module.encoder_q.")
    model: ModelName = Field("resnet50", description="The ResNet.")
    image_size: int | None = Field(
        None, ge=4, le=MAX_SIZE, description="Side of the images that it sees, in pixels; empty: the profile's."
    )
    mean: Values | None = Field(
        None,
        description="Mean of each channel that images are normalised by, for intensities in [0, 1]; empty: ImageNet's.",
    )
    std: Values | None = Field(None, description="Deviation of each channel, likewise.")

    @property
    def path(self) -> Path:
        """The file, by a path that means the same in every folder."""
        return Path(self.file).expanduser().absolute()

    @property
    def row(self) -> str:
        """Name of its row.

        >>> WeightsConfig(file="a/moco_v2_800ep.pth.tar").row, WeightsConfig(file="a.pth", name="MoCo v2").row
        ('moco_v2_800ep', 'MoCo v2')
        """
        return self.name or Path(self.file.removesuffix(".tar")).stem

    def normalisation(self, num_channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return mean and deviation of each channel that images are normalised by.

        Args:
            num_channels: Channels that the first layer takes.

        Raises:
            ConfigError: Other numbers of them are given, or none for images that are not in colours.
        """
        mean, std = (self.mean, self.std) if self.mean and self.std else IMAGENET
        if len(mean) != num_channels:
            raise ConfigError(
                f"mean and std must have a value for each channel of the weights, but {self.row} has {num_channels} "
                f"channels and got {len(mean) if self.mean else 'none'}."
            )
        return mean, std

    @model_validator(mode="after")
    def _check_normalisation(self) -> Self:
        if (self.mean is None) != (self.std is None) or len(self.mean or ()) != len(self.std or ()):
            raise ValueError(
                f"mean and std must be given together, a value a channel, but got mean={self.mean}, std={self.std}."
            )
        if self.std and min(self.std) <= 0:
            raise ValueError(f"std must be above 0, but got {self.std}.")
        return self
