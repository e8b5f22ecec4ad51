"""The section ``transform`` of a trial."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ftlab.config.section import LARGEST, MANY, Alpha, Fraction
from ftlab.config.sections.trial_section import NEVER, Effect, TrialSection, Whole
from ftlab.config.setting import Settings, Trait

Bound = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
LambdaRange = tuple[Bound, Bound]


class TransformConfig(TrialSection):
    """Feature transformation (FT) of positives and negatives before they are contrasted."""

    positives: Annotated[Literal["none", "extrapolate", "interpolate"], Trait.SWITCH] = Field(
        "none", description="Mixing of each positive pair."
    )
    negatives: Annotated[Literal["none", "interpolate", "interpolate_union", "mochi"], Trait.SWITCH, Trait.FT_COST] = (
        Field(
            "none",
            description="Mixing of the queue with a permutation of itself; union keeps the original negatives too. "
            "mochi keeps them and appends mixtures of each query's hardest ones (arXiv 2010.01028).",
        )
    )
    hard_negatives: Annotated[int, Trait.ADDED, Trait.FT_COST] = Field(
        64, ge=1, le=100 * MANY, description="Hardest negatives of each query that mochi mixes (the paper's N)."
    )
    hard_mixtures: Annotated[int, Trait.ADDED, Trait.FT_COST] = Field(
        64, ge=0, le=MANY, description="Mixtures of two hard negatives that mochi appends for each query (s)."
    )
    query_mixtures: Annotated[int, Trait.ADDED, Trait.FT_COST] = Field(
        8, ge=0, le=MANY, description="Mixtures of a query with a hard negative that mochi appends for it (s')."
    )
    alpha_extrapolation: Alpha = Field(2.0, description="Beta(alpha, alpha) of the positives' coefficient.")
    alpha_interpolation: Alpha = Field(1.6, description="Beta(alpha, alpha) of the negatives' coefficient.")
    lambda_extrapolation: LambdaRange | None = Field(
        None, description="Range of the positives' coefficient; empty: [1, 2] to extrapolate, [0, 1] to interpolate."
    )
    lambda_interpolation: LambdaRange = Field((0.0, 1.0), description="Range of the negatives' coefficient.")
    granularity: Annotated[Literal["batch", "sample", "dimension", "element"], Trait.FT_COST] = Field(
        "batch", description="Extent of one coefficient: the step, a row, a feature dimension, or a single element."
    )
    groups: Annotated[int, Trait.ADDED, Trait.FT_COST] = Field(
        1,
        ge=1,
        le=MANY,
        description="Equal parts of a batch that draw their own coefficients and permutation of the queue, as each "
        "GPU does in the authors' code; 1: one draw for all, on any number of GPUs.",
    )
    query_for_negatives: Literal["transformed", "original"] = Field(
        "transformed", description="Query that the negatives are scored against."
    )
    renormalise: Annotated[bool, Trait.FT_COST] = Field(
        False, description="Whether transformed features are scaled back to unit length."
    )
    start: Annotated[Fraction | Literal["never"], Trait.SWITCH] = Field(
        0.0,
        description="Fraction of training after which FT begins, in whole epochs: rounded, above 0 to at least one.",
    )
    stop: Fraction = Field(1.0, description="Fraction of training after which FT ends, rounded to whole epochs.")

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
        if self.negatives == "mochi" and not self.hard_mixtures + self.query_mixtures:
            raise ValueError(
                "negatives=mochi must append mixtures, but got hard_mixtures=0, query_mixtures=0; "
                "nearest valid hard_mixtures: 1."
            )
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

    @property
    def mixes(self) -> bool:
        """Return whether positives or negatives are mixed once FT begins."""
        return self.positives != "none" or self.negatives != "none"

    def epochs_on(self, epochs: int) -> range:
        """Return the 0-based epochs that FT takes part in, out of ``epochs``; empty when it is off.

        "Begin epoch b" means from the (b+1)-th epoch on (arXiv 2108.02982), so ``range(b, stop)``.
        """
        if isinstance(self.start, str) or not self.mixes:
            return range(0)
        return range(first_epoch(self.start, epochs), round(self.stop * epochs))

    def check(self, whole: Whole) -> None:
        """Check the groups, that a queue has the hard negatives, and that a method without negatives mixes none."""
        if whole.hardest_mixed:
            self._check_queue(whole)
        if self.epochs_on(whole.epochs) and whole.batch_size % self.groups:
            valid = max(number for number in range(1, self.groups) if whole.batch_size % number == 0)
            raise ValueError(
                "train.batch_size must be a multiple of transform.groups, but got "
                f"batch_size={whole.batch_size}, groups={self.groups}; nearest valid groups: {valid}."
            )
        if whole.has_negatives:
            return
        for name, needed in (("negatives", "none"), ("query_for_negatives", "transformed")):
            if (value := getattr(self, name)) != needed:
                raise ValueError(
                    f"transform.{name} must be {needed!r} for a method without negatives, but got "
                    f"{name}={value!r}; nearest valid {name}: {needed!r}."
                )

    def _check_queue(self, whole: Whole) -> None:
        if whole.queue_size is None:
            raise ValueError(
                "transform.negatives must not be 'mochi' without the queue of MoCo, but got "
                f"method.name={whole.method_name!r}; nearest valid negatives: 'none'."
            )
        if self.hard_negatives > whole.queue_size:
            raise ValueError(
                "transform.hard_negatives must be at most method.queue_size, but got "
                f"hard_negatives={self.hard_negatives}, queue_size={whole.queue_size}; "
                f"nearest valid hard_negatives: {whole.queue_size}."
            )

    def settings(self, whole: Whole) -> Settings:
        """Return the settings with the range of the positives' coefficient filled in."""
        return {**super().settings(whole), "lambda_extrapolation": list(self.positive_range)}

    def effects(self, whole: Whole) -> list[Effect]:
        """Return the settings with an effect from the start of FT, without those of features that are not mixed.

        Start and stop are given in epochs, so that fractions with the same meaning are equal; stop has an effect only
        once it is reached. If FT takes part in no epoch, only the settings that are the reason are returned.
        """
        settings, epochs_on = self.settings(whole), self.epochs_on(whole.epochs)
        if not epochs_on:
            return [Effect(name, settings[name], NEVER) for name in self._reasons()]
        idle = self._idle()
        idle += [] if whole.has_negatives else ["query_for_negatives"]
        settings |= {"start": epochs_on.start, "stop": None}
        since = epochs_on.start + 1
        effects = [Effect(name, value, since) for name, value in settings.items() if name not in idle]
        return [*effects, Effect("stop", epochs_on.stop, epochs_on.stop + 1)]

    def _idle(self) -> list[str]:
        """Return the settings of what is not mixed."""
        positives, interpolated = self.positives != "none", self.negatives in ("interpolate", "interpolate_union")
        idle = [] if positives else ["alpha_extrapolation", "lambda_extrapolation", "query_for_negatives"]
        idle += [] if interpolated else ["alpha_interpolation", "lambda_interpolation"]
        idle += [] if self.negatives == "mochi" else ["hard_negatives", "hard_mixtures", "query_mixtures"]
        # Mixtures of the hardest have a share each, and unit length.
        return idle if positives or interpolated else [*idle, "granularity", "renormalise"]

    def _reasons(self) -> list[str]:
        start = ["start"] if self.mixes else []
        stop = ["stop"] if self.mixes and self.start != "never" else []
        return ["positives", "negatives", *start, *stop]


def first_epoch(start: float, epochs: int) -> int:
    """Return the number of epochs before a fraction of training, out of ``epochs``, rounded.

    Any fraction above 0 leaves out an epoch: without one, "later" would silently be "always".
    """
    return max(round(start * epochs), 1) if start else 0


def _check_interpolation(name: str, low: float, high: float) -> None:
    if not 0.0 <= low <= high <= 1.0:
        nearest_low, nearest_high = sorted(min(max(bound, 0.0), 1.0) for bound in (low, high))
        raise ValueError(
            f"{name} must satisfy 0 <= low <= high <= 1 to interpolate, but got [{low}, {high}]; "
            f"nearest valid: [{nearest_low}, {nearest_high}]."
        )
