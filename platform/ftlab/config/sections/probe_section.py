"""The section ``probe`` of a trial."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from ftlab.config.section import MANY, Rate, Temperature
from ftlab.config.sections.data_section import MAX_SIZE
from ftlab.config.sections.trial_section import Effect, TrialSection, Whole
from ftlab.config.setting import Setting, Settings, Trait

PROBES = ("knn", "few_shot", "linear")
KNN = frozenset({"resize", "every", "knn_k", "knn_temperature", "knn_features"})
# What the protocol of MoCo's authors fixes.
CHOICE_OF_RATE = frozenset({"linear_learning_rates", "linear_holdout"})


class ProbeConfig(TrialSection):
    """The probes that judge the frozen query encoder."""

    resize: Annotated[int | None, Trait.ADDED, Trait.PROBE_COST] = Field(
        None,
        ge=4,
        le=MAX_SIZE,
        description="Short side that images are resized to before their centre, as large as a view, is cropped, in "
        "pixels; empty: squares as they are, images of several sizes to 8/7 of a view.",
    )
    every: int = Field(10, ge=0, le=MANY, description="Epochs between kNN probes during training; 0: at the end only.")
    knn_k: Annotated[int, Trait.PROBE_COST] = Field(20, ge=1, le=MANY, description="Neighbours of the kNN probe.")
    knn_temperature: Temperature = Field(0.1, description="Temperature of the neighbours' weights.")
    knn_features: Annotated[Literal["backbone", "embedding"], Trait.PROBE_COST] = Field(
        "backbone",
        description="What the kNN probe compares: features of the backbone, or their projections (arXiv 1805.01978).",
    )
    few_shot_labels: Annotated[int, Trait.PROBE_COST] = Field(
        5, ge=1, le=MANY, description="Labelled training images a class of the few-shot probe."
    )
    few_shot_draws: Annotated[int, Trait.PROBE_COST] = Field(
        40, ge=1, le=MANY, description="Seeded draws of the labelled images that are averaged."
    )
    linear: Annotated[Literal["cached", "paper"], Trait.PROBE_COST, Trait.SWITCH] = Field(
        "cached",
        description="Protocol of the linear evaluation. cached: features of centre crops, computed once; the learning "
        "rate is chosen on held-out training images, then all are trained on. paper: a random crop and flip in each "
        "epoch, learning rate 30, a tenth of it at 60% and 80% (arXiv 1911.05722).",
    )
    linear_epochs: Annotated[int, Trait.PROBE_COST] = Field(
        50, ge=1, le=MANY, description="Epochs of the linear evaluation."
    )
    linear_batch_size: Annotated[int, Trait.PROBE_COST] = Field(
        256, ge=1, le=MANY, description="Features a step of the linear evaluation."
    )
    linear_learning_rates: Annotated[tuple[Rate, ...], Trait.PROBE_COST] = Field(
        (0.1, 1.0, 10.0, 30.0),
        min_length=1,
        max_length=100,
        description="Learning rates that the held-out part chooses from.",
    )
    linear_holdout: Annotated[float, Trait.PROBE_COST] = Field(
        0.1, gt=0.0, lt=1.0, description="Part of the training set held out for that choice."
    )

    def check(self, whole: Whole) -> None:
        """Check that the centre of a resized image is as large as a view."""
        if self.resize is not None and self.resize < whole.view_size:
            raise ValueError(
                f"probe.resize must be at least the side of a view, but got {self.resize} and {whole.view_size}; "
                f"nearest valid resize: {whole.view_size}."
            )

    def effects(self, whole: Whole) -> list[Effect]:
        """Return the settings of the probes, each with an effect from the first probe that it decides."""
        first_knn = min(self.every or whole.epochs, whole.epochs)
        settings = self._decisive().items()
        return [Effect(name, value, first_knn if name in KNN else whole.epochs) for name, value in settings]

    def evaluations(self) -> dict[str, Settings]:
        """Return the settings of each evaluation that follows the last epoch, by the probe's name."""
        settings = self._decisive()
        return {probe: _of(probe, settings) for probe in PROBES}

    def _decisive(self) -> Settings:
        fixed = CHOICE_OF_RATE if self.linear == "paper" else frozenset()
        return {name: value for name, value in self.model_dump(mode="json").items() if name not in fixed}

    def protocols(self) -> dict[str, str]:
        """Return how each metric is measured, in words, by its name."""
        linear = (
            f"a random crop and flip in each of {self.linear_epochs} epochs, learning rate 30, a tenth at 60% and 80%"
            if self.linear == "paper"
            else f"features of centre crops, {self.linear_epochs} epochs, learning rate of "
            f"{', '.join(f'{rate:g}' for rate in self.linear_learning_rates)} chosen on {self.linear_holdout:.0%} "
            "held-out training images, then trained on all"
        )
        labels = f"{self.few_shot_labels} label{'s' if self.few_shot_labels > 1 else ''}"
        return {
            "probe/top1": f"linear evaluation on {linear}",
            "probe/few_shot_top1": f"nearest centroid of {labels} a class, mean of {self.few_shot_draws} draws",
            "knn/top1": f"{self.knn_k} nearest neighbours by {self.knn_features} features, temperature "
            f"{self.knn_temperature:g}",
        }


def _of(probe: str, settings: Mapping[str, Setting]) -> Settings:
    return {
        name: value for name, value in settings.items() if name in ("resize", probe) or name.startswith(f"{probe}_")
    }
