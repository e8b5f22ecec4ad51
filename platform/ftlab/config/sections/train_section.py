"""The section ``train`` of a trial."""

from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import Field

from ftlab.config.section import LARGEST, Fraction, Rate
from ftlab.config.sections.trial_section import TrialSection, Whole
from ftlab.config.setting import Trait


class TrainConfig(TrialSection):
    """The optimisation."""

    epochs: Annotated[int, Trait.SWITCH] = Field(100, ge=1, le=100_000, description="Passes over the training images.")
    batch_size: Annotated[int, Trait.EPOCH_COST] = Field(
        128, ge=2, le=1_000_000, description="Images a step; the ragged last batch of an epoch is dropped."
    )
    optimizer: Annotated[Literal["sgd", "lars"], Trait.ADDED, Trait.EPOCH_COST] = Field(
        "sgd",
        description="Optimiser; lars (arXiv 1708.03888) is SGD with steps in proportion to the length of each weight, "
        "for large batches, and needs timm.",
    )
    learning_rate: Rate = Field(0.03, description="Peak learning rate of SGD.")
    learning_rate_floor: Fraction = Field(1e-3, description="Lowest learning rate, as a fraction of the peak.")
    warmup_epochs: int = Field(0, ge=0, le=100_000, description="Epochs of linear warm-up.")
    sgd_momentum: float = Field(0.9, ge=0.0, lt=1.0, description="Momentum of SGD.")
    weight_decay: float = Field(5e-4, ge=0.0, le=LARGEST, description="L2 penalty of SGD.")
    precision: Annotated[Literal["float32", "bfloat16"], Trait.EPOCH_COST] = Field(
        "float32",
        description="Precision of the encoders' forward pass. With float32, a GPU that has TF32 multiplies in it "
        "within convolutions, as torch does by default, and adds up in float32.",
    )
    channels_last: Annotated[bool, Trait.EPOCH_COST, Trait.PROBE_COST] = Field(
        False, description="Whether images and weights lie in channels-last order."
    )
    compile: Annotated[bool, Trait.EPOCH_COST] = Field(
        False, description="Whether the encoders go through torch.compile."
    )

    def check(self, whole: Whole) -> None:  # noqa: ARG002
        """Check that what the optimiser needs is installed.

        Raises:
            ValueError: It is LARS, and timm is not.
        """
        if self.optimizer == "lars" and find_spec("timm") is None:
            raise ValueError(
                "train.optimizer='lars' needs timm, which is not installed: pip install timm; nearest valid: 'sgd'."
            )
