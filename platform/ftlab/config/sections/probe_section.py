"""The section ``probe`` of a trial."""

from typing import Annotated

from pydantic import Field

from ftlab.config.section import MANY, Rate, Temperature
from ftlab.config.sections.data_section import MAX_SIZE
from ftlab.config.sections.trial_section import Effect, TrialSection, Whole
from ftlab.config.setting import Trait

# The other probes are taken only after the last epoch.
KNN = frozenset({"resize", "every", "knn_k", "knn_temperature"})


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
    few_shot_labels: Annotated[int, Trait.PROBE_COST] = Field(
        5, ge=1, le=MANY, description="Labelled training images a class of the few-shot probe."
    )
    few_shot_draws: Annotated[int, Trait.PROBE_COST] = Field(
        40, ge=1, le=MANY, description="Seeded draws of the labelled images that are averaged."
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
        """Return all settings, each with an effect from the first probe that it decides."""
        first_knn = min(self.every or whole.epochs, whole.epochs)
        return [
            effect._replace(since=first_knn if effect.name in KNN else whole.epochs)
            for effect in super().effects(whole)
        ]
