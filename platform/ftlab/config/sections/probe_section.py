"""The section ``probe`` of a trial."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from ftlab.config.section import LARGEST, MANY, Fraction, Rate, Temperature
from ftlab.config.sections.data_section import MAX_SIZE
from ftlab.config.sections.trial_section import Effect, TrialSection, Whole
from ftlab.config.sections.views_section import Scale
from ftlab.config.setting import Setting, Settings, Trait

PROBES = ("knn", "few_shot", "linear")
# Taken where their switch is on.
ADDED_PROBES = ("finetune", "long_tail")
KNN = frozenset({"resize", "every", "knn_k", "knn_temperature", "knn_features"})
# What the protocol of MoCo's authors fixes.
CHOICE_OF_RATE = frozenset({"linear_learning_rates", "linear_holdout"})


class ProbeConfig(TrialSection):
    """The probes that judge the query encoder, all but fine-tuning as it is."""

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
    finetune: Annotated[bool, Trait.ADDED, Trait.SWITCH] = Field(
        False,
        description="Whether the whole network is trained too, a copy of the encoder with a new linear classifier, on "
        "a random crop and flip of each labelled image in each epoch, by SGD with momentum 0.9 and cosine decay.",
    )
    finetune_epochs: Annotated[int, Trait.ADDED, Trait.PROBE_COST] = Field(
        20, ge=1, le=MANY, description="Epochs of fine-tuning."
    )
    finetune_batch_size: Annotated[int, Trait.ADDED, Trait.PROBE_COST] = Field(
        128, ge=2, le=MANY, description="Images a step of fine-tuning; at most all labelled ones."
    )
    finetune_crop_scale: Annotated[Scale, Trait.ADDED] = Field(
        (0.08, 1.0), description="Range of a crop's share of the image's area in fine-tuning."
    )
    finetune_flip: Annotated[Fraction, Trait.ADDED] = Field(0.5, description="Chance of a flip in fine-tuning.")
    finetune_learning_rates: Annotated[tuple[Rate, ...], Trait.ADDED, Trait.PROBE_COST] = Field(
        (0.01, 0.03, 0.1),
        min_length=1,
        max_length=100,
        description="Learning rates of fine-tuning that the held-out part chooses from; then all labels are used.",
    )
    finetune_holdout: Annotated[float, Trait.ADDED, Trait.PROBE_COST] = Field(
        0.1, gt=0.0, lt=1.0, description="Part of the training set held out for that choice."
    )
    finetune_weight_decay: Annotated[float, Trait.ADDED] = Field(
        1e-4, ge=0.0, le=LARGEST, description="Weight decay of fine-tuning."
    )
    long_tail: Annotated[bool, Trait.ADDED, Trait.SWITCH] = Field(
        False,
        description="Whether the accuracies of the linear evaluation, and of fine-tuning if it is on, are also given "
        "for classes with many, a medium number of and few training images, and balanced: a mean over classes "
        "(arXiv 1904.05160).",
    )
    long_tail_many: Annotated[int, Trait.ADDED] = Field(
        100, ge=1, le=100 * MANY, description="Classes with more labelled training images than this have many."
    )
    long_tail_few: Annotated[int, Trait.ADDED] = Field(
        20, ge=1, le=100 * MANY, description="Classes with fewer labelled training images than this have few."
    )

    def check(self, whole: Whole) -> None:
        """Check that the centre of a resized image is as large as a view, and that no class has many images and few."""
        if self.long_tail_few > self.long_tail_many + 1:
            raise ValueError(
                f"probe.long_tail_few must be at most one more than long_tail_many, but got {self.long_tail_few} and "
                f"{self.long_tail_many}; nearest valid long_tail_few: {self.long_tail_many + 1}."
            )
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
        found = {probe: _of(probe, settings) for probe in (*PROBES, *self._added())}
        if self.long_tail:
            found["long_tail"] |= found["linear"] | found.get("finetune", {})
        return found

    def unused_additions(self) -> set[str]:
        """Return the names of added settings that have their default, or are of a probe that is not taken."""
        return super().unused_additions() | self._not_taken()

    def _added(self) -> list[str]:
        return [probe for probe in ADDED_PROBES if getattr(self, probe)]

    def _not_taken(self) -> set[str]:
        names = type(self).model_fields
        return {name for probe in ADDED_PROBES if not getattr(self, probe) for name in names if name.startswith(probe)}

    def _decisive(self) -> Settings:
        fixed = self._not_taken() | (CHOICE_OF_RATE if self.linear == "paper" else set())
        return {name: value for name, value in self.model_dump(mode="json").items() if name not in fixed}

    def protocols(self) -> dict[str, str]:
        """Return how each metric is measured, in words, by its name."""
        linear = (
            f"a random crop and flip in each of {self.linear_epochs} epochs, learning rate 30, a tenth at 60% and 80%"
            if self.linear == "paper"
            else f"features of centre crops, {self.linear_epochs} epochs, "
            + _choice(self.linear_learning_rates, self.linear_holdout)
        )
        labels = f"{self.few_shot_labels} label{'s' if self.few_shot_labels > 1 else ''}"
        return {
            "probe/top1": f"linear evaluation on {linear}",
            "probe/few_shot_top1": f"nearest centroid of {labels} a class, mean of {self.few_shot_draws} draws",
            "knn/top1": f"{self.knn_k} nearest neighbours by {self.knn_features} features, temperature "
            f"{self.knn_temperature:g}",
            "finetune/top1": "encoder and a new linear classifier trained by SGD on a random crop (area "
            f"{self.finetune_crop_scale[0]:g} to {self.finetune_crop_scale[1]:g}) and flip (chance "
            f"{self.finetune_flip:g}) in each of {self.finetune_epochs} epochs, {self.finetune_batch_size} images a "
            f"step, weight decay {self.finetune_weight_decay:g}, "
            + _choice(self.finetune_learning_rates, self.finetune_holdout),
            **self._by_class_size("long_tail", "linear evaluation"),
            **self._by_class_size("finetune", "fine-tuning"),
        }

    def _by_class_size(self, family: str, classifier: str) -> dict[str, str]:
        many, few = self.long_tail_many, self.long_tail_few
        groups = {
            "balanced": "all classes",
            "many": f"classes with more than {many} training images",
            "medium": f"classes with {few} to {many} training images",
            "few": f"classes with fewer than {few} training images",
        }
        return {f"{family}/{name}_top1": f"{classifier}, mean over {group}" for name, group in groups.items()}


class OneProbe(ProbeConfig):
    """The probes of a trial, one of which is asked alone after the last epoch."""

    asked: str = Field(exclude=True)

    def evaluations(self) -> dict[str, Settings]:
        """Return the settings of the one that is asked."""
        return {self.asked: super().evaluations()[self.asked]}


def ask_alone(probes: ProbeConfig, probe: str) -> OneProbe:
    """Return probes of which one is asked alone.

    Args:
        probes: The probes of a trial.
        probe: Name of the one; it is taken even if the trial does not take it.
    """
    taken = {added: added == probe for added in ADDED_PROBES}
    return OneProbe(**{**probes.model_dump(), **taken, "asked": probe})


def _choice(rates: Sequence[float], holdout: float) -> str:
    return (
        f"learning rate of {', '.join(f'{rate:g}' for rate in rates)} chosen on {holdout:.0%} held-out training "
        "images, then trained on all"
    )


def _of(probe: str, settings: Mapping[str, Setting]) -> Settings:
    return {
        name: value for name, value in settings.items() if name in ("resize", probe) or name.startswith(f"{probe}_")
    }
