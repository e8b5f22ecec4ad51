"""Check a line of another home's journal, because somebody else wrote it or a disk may have damaged it."""

import json
import posixpath
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from ftlab.config.names import NAME
from ftlab.errors import TrackingError
from ftlab.tracking.journal_line import FORMAT, Seal, check_seal
from ftlab.tracking.records import Outcome, TrialRecord, TrialStatus
from ftlab.tracking.tracker import own_tags
from ftlab.training.epoch_result import EpochResult

MAX_EPOCHS = 100_000
MAX_NAMES = 1000  # of settings, of tags, of metrics an epoch
MAX_TIME = 1e11  # the year 5138; a store keeps times as milliseconds
SHOWN = 80  # characters of a refused value


def _check_path(name: str) -> str:
    if posixpath.normpath(name) != name or name.startswith((".", "/")):
        raise ValueError("must be a name whose parts between slashes are neither empty nor '.' or '..'")
    return name


def _check_tags(tags: dict[str, str]) -> dict[str, str]:
    reserved = sorted(tags.keys() - own_tags(tags).keys())
    if reserved:
        raise ValueError(f"must be the trial's own, but {reserved[0]!r} is one of the store's")
    return tags


# Rust's $ matches only at the very end. A pattern also refuses unpaired surrogates, which no store takes.
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=10_000)]
# The names that MLflow takes.
Name = Annotated[str, StringConstraints(pattern=r"^[\w./ :-]+$", max_length=250), AfterValidator(_check_path)]
Key = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
# Experiment, profile, overrides: the first becomes a folder of artifacts, the whole name a search condition.
Study = Annotated[
    str,
    StringConstraints(
        pattern=rf"{NAME.removesuffix('$')}/{NAME.strip('^$')}(\+[^/\\\"\x00-\x1f\x7f]*)?$", max_length=400
    ),
]
Params = Annotated[dict[Name, Text], Field(max_length=MAX_NAMES)]
Tags = Annotated[Params, AfterValidator(_check_tags)]
Time = Annotated[float, Field(ge=0.0, le=MAX_TIME)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Edges = Annotated[list[Annotated[float, Field(allow_inf_nan=False)]], Field(min_length=2, max_length=2)]


class _Fields(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class TrialFields(_Fields):
    """The fields of `TrialRecord`."""

    trial_key: Key
    cell_key: Key
    seed: Annotated[int, Field(ge=0)]
    study: Study
    name: Annotated[Text, StringConstraints(max_length=1000)]
    params: Params
    tags: Tags = Field(default_factory=dict)


class EpochFields(_Fields):
    """The fields of `EpochResult`; any metric may be NaN or infinite."""

    epoch: Annotated[int, Field(ge=1, le=MAX_EPOCHS)]
    timestamp: Time
    metrics: Annotated[dict[Name, float], Field(max_length=MAX_NAMES)]
    histograms: dict[Name, list[Count]] = Field(default_factory=dict)
    steps: dict[Name, list[float]] = Field(default_factory=dict)
    gradient_norms: dict[Name, float] = Field(default_factory=dict)
    right: dict[Name, list[Count]] = Field(default_factory=dict)
    edges: dict[Name, Edges] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_edges(self) -> Self:
        if not self.edges.keys() <= self.histograms.keys():
            raise ValueError("edges must be those of histograms")
        if any(not low < high for low, high in self.edges.values()):
            raise ValueError("the lowest edge of a histogram must come first, and the highest be above it")
        return self

    @model_validator(mode="after")
    def _check_steps(self) -> Self:
        if not self.steps:
            return self
        clock = self.steps.get("step")
        if clock is None or any(len(series) != len(clock) for series in self.steps.values()):
            raise ValueError("steps must have a series 'step', and as many values in every other")
        if any(not 0.0 <= step < 2.0**53 or step != int(step) for step in clock):
            raise ValueError("'step' must count optimiser steps")
        return self


class OutcomeFields(_Fields):
    """The fields of `Outcome`."""

    status: Annotated[TrialStatus, Field(strict=False)]
    reason: Text
    tags: Tags = Field(default_factory=dict)


class TrialOpened(_Fields):
    """The event that a worker started the trial."""

    event: Literal["trial"]
    time: Time
    trial: TrialFields

    def record(self) -> TrialRecord:
        """Return the record of the trial."""
        return TrialRecord(**dict(self.trial))


class EpochsTrained(_Fields):
    """The event that epochs were trained, or restored from a checkpoint."""

    event: Literal["epochs"]
    time: Time
    epochs: Annotated[list[EpochFields], Field(min_length=1)]

    def records(self) -> Sequence[EpochResult]:
        """Return the records of the epochs."""
        return [EpochResult(**dict(epoch)) for epoch in self.epochs]


class TrialEnded(_Fields):
    """The event that the trial ended or was interrupted."""

    event: Literal["outcome"]
    time: Time
    outcome: OutcomeFields

    def record(self) -> Outcome:
        """Return the outcome."""
        return Outcome(**dict(self.outcome))


Event = Annotated[TrialOpened | EpochsTrained | TrialEnded, Field(discriminator="event")]

_ADAPTER: TypeAdapter[TrialOpened | EpochsTrained | TrialEnded] = TypeAdapter(Event)


class RecordError(TrackingError):
    """A line or a file breaks a rule of the journal."""


def read_event(line: bytes) -> tuple[TrialOpened | EpochsTrained | TrialEnded, bool]:
    """Return the event of a line, and whether the line has a checksum.

    Args:
        line: The line without its end.

    Raises:
        RecordError: It does not parse, its checksum differs, its format is unknown, or a field is missing or wrong.
    """
    content = _parse(line)
    seal = check_seal(line)
    if seal is Seal.BROKEN:
        raise RecordError("a line must be as ftlab wrote it, but its checksum differs: it was damaged or altered.")
    if seal is Seal.INTACT or "format" in content or "checksum" in content:
        _check_format(content, seal)
    fields = {name: value for name, value in content.items() if name not in ("format", "checksum")}
    try:
        return _ADAPTER.validate_python(fields), seal is Seal.INTACT
    except ValidationError as error:
        raise RecordError(_explain(error)) from error


def _parse(line: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"a line must be JSON, but {line[:SHOWN]!r} does not parse.") from error
    if not isinstance(content, dict):
        raise RecordError(f"a line must be a JSON object, but {line[:SHOWN]!r} is none.")
    return content


def _check_format(content: Mapping[str, Any], seal: Seal) -> None:
    if seal is Seal.ABSENT:
        raise RecordError("a line that says its format must end with its checksum, but has none there.")
    number = content.get("format")
    if type(number) is not int or number != FORMAT:
        raise RecordError(
            f"the format of a line must be {FORMAT}, but is {str(number)[:SHOWN]}; "
            "an ftlab as new as the one that wrote it may read it."
        )


def _explain(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    # The first part is the tag of the event.
    place = repr(".".join(str(part) for part in problem["loc"][1:]) or "event")[1:-1]
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] in ("missing", "value_error", "union_tag_invalid", "union_tag_not_found"):
        return f"{place[:SHOWN]}: {message}."
    return f"{place[:SHOWN]}: {message}, but got {repr(problem['input'])[:SHOWN]}."
