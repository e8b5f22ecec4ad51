"""The schema of one trial: everything that decides its numbers, checked before any compute is spent."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
LambdaRange = tuple[float, float]


class Section(BaseModel):
    """Base of every schema: frozen, without unknown keys, without NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataConfig(Section):
    """The images that are trained on."""

    name: Literal["digits", "cifar10", "cifar100", "stl10", "fashion_mnist", "folder"] = Field(
        "digits", description="Data set; `folder` reads train/ and test/ class folders below `root`."
    )
    root: str | None = Field(None, description="Folder that holds the files; empty: the data folder of FTLAB_HOME.")
    image_size: int = Field(8, ge=4, description="Side of the cached square images, in pixels.")
    class_list: str | None = Field(None, description="File with one class folder a line; selects a subset of a folder.")
    corrupt_images: Literal["refuse", "skip"] = Field("refuse", description="Treatment of unreadable images.")
    download: bool = Field(False, description="Whether a missing data set may be downloaded.")


class ViewsConfig(Section):
    """The two random views of an image."""

    recipe: Literal["moco_v1", "moco_v2", "digits"] = Field("digits", description="Augmentation recipe.")
    size: int | None = Field(None, ge=4, description="Side of a view, in pixels; empty: data.image_size.")


class ModelConfig(Section):
    """The encoder that is pretrained."""

    backbone: Literal["small_cnn", "resnet18", "resnet34", "resnet50"] = Field("small_cnn", description="Encoder.")
    stem: Literal["cifar", "imagenet"] = Field(
        "imagenet", description="First layers of a ResNet: 3x3 stride 1 without pooling (cifar) or 7x7 stride 2."
    )
    head: Literal["linear", "mlp"] = Field("mlp", description="Projection head: linear (MoCo v1) or two layers (v2).")
    feature_dim: int = Field(64, ge=2, description="Dimension C of the contrasted features.")
    bn_groups: int = Field(
        4, ge=1, description="Groups of a batch that are normalised apart, as if each lay on its own device."
    )


class MethodConfig(Section):
    """The pretraining method."""

    name: Literal["moco"] = Field("moco", description="Pretraining method.")
    key_momentum: Fraction = Field(0.99, description="Share of the old key encoder in each update; 1 freezes it.")
    queue_size: int = Field(1024, ge=1, description="Number K of negatives.")
    temperature: float = Field(0.1, gt=0.0, description="Temperature that divides the scores in InfoNCE.")


class TransformConfig(Section):
    """Feature transformation (FT) of positives and negatives before they are contrasted."""

    positives: Literal["none", "extrapolate", "interpolate"] = Field(
        "none", description="Mixing of each positive pair."
    )
    negatives: Literal["none", "interpolate", "interpolate_union"] = Field(
        "none", description="Mixing of the queue with a permutation of itself; union keeps the original negatives too."
    )
    alpha_extrapolation: float = Field(2.0, gt=0.0, description="Beta(alpha, alpha) of the positives' coefficient.")
    alpha_interpolation: float = Field(1.6, gt=0.0, description="Beta(alpha, alpha) of the negatives' coefficient.")
    lambda_extrapolation: LambdaRange | None = Field(
        None, description="Range of the positives' coefficient; empty: [1, 2] to extrapolate, [0, 1] to interpolate."
    )
    lambda_interpolation: LambdaRange = Field((0.0, 1.0), description="Range of the negatives' coefficient.")
    granularity: Literal["batch", "sample", "dimension", "element"] = Field(
        "batch", description="Extent of one coefficient: the step, a row, a feature dimension, or a single element."
    )
    query_for_negatives: Literal["transformed", "original"] = Field(
        "transformed", description="Query that the negatives are scored against."
    )
    renormalise: bool = Field(False, description="Whether transformed features are scaled back to unit length.")
    start: Fraction | Literal["never"] = Field(0.0, description="Fraction of training after which FT begins.")
    stop: Fraction = Field(1.0, description="Fraction of training after which FT ends.")

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        if self.lambda_extrapolation is not None:
            low, high = self.lambda_extrapolation
            if self.positives == "extrapolate" and not 1.0 <= low <= high:
                raise ValueError(
                    "lambda_extrapolation must satisfy 1 <= low <= high to extrapolate, "
                    f"but got [{low}, {high}]; nearest valid: [{max(low, 1.0)}, {max(low, high, 1.0)}]."
                )
            if self.positives == "interpolate":
                _check_interpolation("lambda_extrapolation", low, high)
        _check_interpolation("lambda_interpolation", *self.lambda_interpolation)
        if not isinstance(self.start, str) and self.start > self.stop:
            raise ValueError(
                f"start must not come after stop, but got start={self.start}, stop={self.stop}; "
                f"nearest valid start: {self.stop}."
            )
        return self

    @property
    def positive_range(self) -> LambdaRange:
        """Range of the positives' coefficient with the default of the chosen kind filled in."""
        if self.lambda_extrapolation is not None:
            return self.lambda_extrapolation
        return (1.0, 2.0) if self.positives == "extrapolate" else (0.0, 1.0)

    def epochs_on(self, epochs: int) -> range:
        """Return the 0-based epochs that FT takes part in, out of ``epochs``; empty when it is off.

        "Begin epoch b" means from the (b+1)-th epoch on (arXiv 2108.02982), so ``range(b, stop)``.
        """
        if isinstance(self.start, str) or (self.positives == "none" and self.negatives == "none"):
            return range(0)
        return range(round(self.start * epochs), round(self.stop * epochs))


def _check_interpolation(name: str, low: float, high: float) -> None:
    if not 0.0 <= low <= high <= 1.0:
        nearest_low, nearest_high = sorted(min(max(bound, 0.0), 1.0) for bound in (low, high))
        raise ValueError(
            f"{name} must satisfy 0 <= low <= high <= 1 to interpolate, but got [{low}, {high}]; "
            f"nearest valid: [{nearest_low}, {nearest_high}]."
        )


def _most_groups(batch_size: int) -> int:
    return max(groups for groups in range(1, batch_size // 2 + 1) if batch_size % groups == 0)


class TrainConfig(Section):
    """The optimisation."""

    epochs: int = Field(100, ge=1, le=100_000, description="Passes over the training images.")
    batch_size: int = Field(
        128, ge=2, le=1_000_000, description="Images a step; the ragged last batch of an epoch is dropped."
    )
    learning_rate: float = Field(0.03, gt=0.0, description="Peak learning rate of SGD.")
    learning_rate_floor: Fraction = Field(1e-3, description="Lowest learning rate, as a fraction of the peak.")
    warmup_epochs: int = Field(0, ge=0, description="Epochs of linear warm-up.")
    sgd_momentum: float = Field(0.9, ge=0.0, lt=1.0, description="Momentum of SGD.")
    weight_decay: float = Field(5e-4, ge=0.0, description="L2 penalty of SGD.")
    precision: Literal["float32", "bfloat16"] = Field("float32", description="Precision of the encoders' forward pass.")
    channels_last: bool = Field(False, description="Whether images and weights lie in channels-last order.")
    compile: bool = Field(False, description="Whether the encoders go through torch.compile.")


class ProbeConfig(Section):
    """The probes that judge the frozen query encoder."""

    every: int = Field(10, ge=0, description="Epochs between kNN probes during training; 0: at the end only.")
    knn_k: int = Field(20, ge=1, description="Neighbours of the kNN probe.")
    knn_temperature: float = Field(0.1, gt=0.0, description="Temperature of the neighbours' weights.")
    few_shot_labels: int = Field(5, ge=1, description="Labelled training images a class of the few-shot probe.")
    few_shot_draws: int = Field(40, ge=1, description="Seeded draws of the labelled images that are averaged.")
    linear_epochs: int = Field(50, ge=1, description="Epochs of the linear evaluation.")
    linear_batch_size: int = Field(256, ge=1, description="Features a step of the linear evaluation.")
    linear_learning_rates: tuple[float, ...] = Field(
        (0.1, 1.0, 10.0, 30.0), min_length=1, description="Learning rates that the held-out part chooses from."
    )
    linear_holdout: float = Field(0.1, gt=0.0, lt=1.0, description="Part of the training set held out for that choice.")


class TrialConfig(Section):
    """One training with one seed."""

    seed: int = Field(0, ge=0, description="Seed of every random stream of the trial.")
    data: DataConfig = DataConfig()
    views: ViewsConfig = ViewsConfig()
    model: ModelConfig = ModelConfig()
    method: MethodConfig = MethodConfig()
    transform: TransformConfig = TransformConfig()
    train: TrainConfig = TrainConfig()
    probe: ProbeConfig = ProbeConfig()

    @property
    def view_size(self) -> int:
        """Side of a view, in pixels."""
        return self.views.size or self.data.image_size

    @model_validator(mode="after")
    def _check_across_sections(self) -> Self:
        batch_size, groups, queue_size = self.train.batch_size, self.model.bn_groups, self.method.queue_size
        if batch_size % groups:
            raise ValueError(
                f"train.batch_size must be a multiple of model.bn_groups, but got batch_size={batch_size}, "
                f"bn_groups={groups}; nearest valid batch_size: {max(batch_size // groups, 2) * groups}."
            )
        if batch_size // groups < 2:
            raise ValueError(
                "each group of batch normalisation needs at least 2 images, but got "
                f"batch_size={batch_size}, bn_groups={groups}; nearest valid bn_groups: {_most_groups(batch_size)}."
            )
        if queue_size < batch_size:
            raise ValueError(
                "method.queue_size must be at least train.batch_size, but got "
                f"queue_size={queue_size}, batch_size={batch_size}; nearest valid queue_size: {batch_size}."
            )
        if self.train.warmup_epochs >= self.train.epochs:
            raise ValueError(
                "train.warmup_epochs must be less than train.epochs, but got "
                f"warmup_epochs={self.train.warmup_epochs}, epochs={self.train.epochs}; "
                f"nearest valid warmup_epochs: {self.train.epochs - 1}."
            )
        if self.data.class_list is not None and self.data.name != "folder":
            raise ValueError(
                f"data.class_list selects from a folder, but got data.name={self.data.name!r}; "
                "nearest valid name: 'folder'."
            )
        return self
