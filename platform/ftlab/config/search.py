"""The schema of a search: the settings that vary, their bounds, and the length of the search."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ftlab.config.experiment import MAX_CELLS, MAX_SEEDS, NamedCell
from ftlab.config.section import LARGEST, MANY, Section
from ftlab.config.sections.transform_section import LambdaRange
from ftlab.config.setting import Setting, Settings, first_twice
from ftlab.config.trial import MAX_SEED

TOLERANCE = 1e-9


class FloatSpace(Section):
    """A number between two bounds."""

    kind: Literal["float"]
    low: float = Field(ge=-LARGEST, le=LARGEST, description="Lowest value.")
    high: float = Field(ge=-LARGEST, le=LARGEST, description="Highest value.")
    step: float | None = Field(
        None, gt=0.0, le=LARGEST, description="Distance of neighbouring values; empty: any number."
    )
    scale: Literal["linear", "log", "log_from_one"] = Field(
        "linear", description="Quantity drawn evenly: the number, its logarithm, or the logarithm of 1 minus it."
    )

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        _check_order(self.low, self.high)
        if self.scale == "log" and self.low <= 0.0:
            raise ValueError(f"low must be above 0 on a logarithmic scale, but got {self.low}.")
        if self.scale == "log_from_one" and self.high >= 1.0:
            raise ValueError(f"high must be below 1 on a logarithmic scale from 1, but got {self.high}.")
        if self.step is not None:
            if self.scale != "linear":
                raise ValueError(f"a step needs a linear scale, but got scale={self.scale!r}.")
            _check_steps(self.low, self.high, self.step)
        return self


class IntSpace(Section):
    """A whole number between two bounds."""

    kind: Literal["int"]
    low: int = Field(ge=-100_000 * MANY, le=100_000 * MANY, description="Lowest value.")
    high: int = Field(ge=-100_000 * MANY, le=100_000 * MANY, description="Highest value.")
    step: int = Field(1, ge=1, le=100_000 * MANY, description="Distance of neighbouring values.")
    scale: Literal["linear", "log"] = Field("linear", description="Quantity drawn evenly: the number or its logarithm.")

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        _check_order(self.low, self.high)
        _check_steps(self.low, self.high, self.step)
        if self.scale == "log" and self.low < 1:
            raise ValueError(f"low must be at least 1 on a logarithmic scale, but got {self.low}.")
        if self.scale == "log" and self.step != 1:
            raise ValueError(f"a step needs a linear scale, but got step={self.step}; nearest valid: 1.")
        return self


class ChoiceSpace(Section):
    """One of several values; a text like ``2x`` multiplies the profile's number."""

    kind: Literal["choice"]
    choices: list[Setting] = Field(description="The values.")

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        if len(self.choices) < 2:
            raise ValueError(f"a choice needs at least two values, but got {self.choices}.")
        if twice := first_twice(self.choices):
            raise ValueError(f"the values of a choice must differ, but got {twice[0]!r} twice.")
        return self


class RangeSpace(Section):
    """A pair low <= high, such as the range of a mixing coefficient.

    Its width is drawn and, unless it is anchored, its position in the room that the width leaves, so that every draw is
    a valid pair.
    """

    kind: Literal["range"]
    within: LambdaRange = Field(description="Bounds of both ends.")
    width: LambdaRange = Field(description="Least and greatest distance of the ends.")
    anchored: bool = Field(False, description="Whether the low end stays at the lower bound: [1, 1 + width].")

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        _check_order(*self.within)
        _check_order(*self.width)
        room = self.within[1] - self.within[0]
        if self.width[0] < 0.0 or self.width[1] > room + TOLERANCE:
            raise ValueError(
                f"width must lie between 0 and the room within the bounds, but got {list(self.width)}; "
                f"nearest valid: [{max(self.width[0], 0.0):g}, {min(self.width[1], room):g}]."
            )
        return self


Space = Annotated[FloatSpace | IntSpace | ChoiceSpace | RangeSpace, Field(discriminator="kind")]


class SamplerConfig(Section):
    """The sampler that suggests configurations."""

    seed: int = Field(0, ge=0, le=MAX_SEED, description="Seed of the suggestions.")
    startup_trials: int = Field(
        10, ge=1, le=MAX_CELLS, description="Trials drawn at random before results guide the draws."
    )


class EarlyStoppingConfig(Section):
    """Early stopping of trials whose kNN accuracy falls behind others at the same epoch (ASHA)."""

    grace: float = Field(0.4, gt=0.0, lt=1.0, description="Fraction of training before which no trial is stopped.")
    reduction_factor: int = Field(
        2, ge=2, le=MAX_CELLS, description="At each check, the best one in this many trials goes on."
    )


class SearchConfig(Section):
    """One search: its question, space, length and known configurations."""

    question: str = Field(description="Question that the search answers, in a sentence.")
    metric: str | None = Field(None, description="Metric that is maximised; empty: the profile's.")
    objectives: list[Literal["accuracy", "cost"]] = Field(
        ["accuracy"], description="accuracy: the metric; cost: hours of training times the GPUs, or cores, of a trial."
    )
    trials: int = Field(40, ge=1, le=MAX_CELLS, description="Configurations to evaluate, those stopped early too.")
    seeds: int = Field(
        1, ge=1, le=MAX_SEEDS, description="Trials a configuration, with seeds 0, 1, ...; their mean counts."
    )
    sampler: SamplerConfig = SamplerConfig()
    early_stopping: EarlyStoppingConfig | None = Field(None, description="Early stopping; empty: none.")
    overrides: Settings = Field(default_factory=dict, description="Settings of every trial, over the profile's.")
    enqueue: list[NamedCell] = Field(default_factory=list, description="Known configurations, evaluated first.")
    space: dict[str, Space] = Field(min_length=1, description="Settings that vary, by dotted name.")

    @model_validator(mode="after")
    def _check_objectives(self) -> Self:
        if self.objectives not in (["accuracy"], ["accuracy", "cost"]):
            raise ValueError(
                f"objectives must be [accuracy] or [accuracy, cost], but got [{', '.join(self.objectives)}]."
            )
        if self.early_stopping is not None and len(self.objectives) > 1:
            raise ValueError("early stopping judges by accuracy alone, but got the objective cost too; remove one.")
        if self.early_stopping is not None and "train.epochs" in self.space:
            raise ValueError("early stopping compares trials of equal length, but train.epochs varies; remove one.")
        return self


def _check_order(low: float, high: float) -> None:
    if low >= high:
        hint = f"; nearest valid: low={high:g}, high={low:g}." if low > high else "; set the value in overrides."
        raise ValueError(f"low must be below high, but got low={low:g}, high={high:g}{hint}")


def _check_steps(low: float, high: float, step: float) -> None:
    steps = (high - low) / step
    if abs(steps - round(steps)) > TOLERANCE * max(1.0, steps):
        nearest_high = low + max(1, int(steps)) * step
        raise ValueError(
            f"high must be a number of steps above low, but got low={low:g}, high={high:g}, step={step:g}; "
            f"nearest valid high: {nearest_high:g}."
        )
