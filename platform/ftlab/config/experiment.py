"""The schemas of an experiment (what varies) and of a profile (at what scale)."""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, PrivateAttr, Tag, model_validator

from ftlab.config.names import NAME
from ftlab.config.section import MANY, Section
from ftlab.config.setting import Setting, Settings, first_twice
from ftlab.config.trial import TrialConfig
from ftlab.config.weights_file import WeightsConfig
from ftlab.config.yaml_text import Document
from ftlab.errors import ConfigError

# Nobody reads a larger table, and without a bound a grid of a few long axes fills the memory before any message.
MAX_CELLS = 10_000
MAX_SEEDS = 10_000

EVALUATIONS = (
    "Images that `make evaluate` judges kept backbones on: names of data sets, or folder:PATH; PROBE: before them asks "
    "one probe alone, @100 behind them makes a long tail of their training images"
)


class NamedCell(Section):
    """A row of the table that the grid does not hold."""

    name: str = Field(description="Label of the row.")
    set: Settings = Field(default_factory=dict, description="Settings of the cell by dotted name.")


class PublishedReference(Section):
    """The published column that is printed beside ours."""

    table: str = Field(pattern=NAME, description="CSV file below experiments/published/, without its ending.")
    series: str | None = Field(None, description="Series of the file; empty when it holds one.")


class GroupBaseline(Section):
    """A baseline for each group of rows."""

    within: str = Field(description="Dotted name of the axis whose values make the groups.")
    cell: str = Field(description="Name of the baseline within its group, without the value of the group.")


# Hyphens keep the tags out of messages, which name keys alone.
BaselineChoice = Annotated[
    Annotated[str, Tag("a-name")] | Annotated[GroupBaseline, Tag("of-groups")],
    Discriminator(lambda value: "of-groups" if isinstance(value, Mapping | GroupBaseline) else "a-name"),
]


GridAxis = Annotated[
    Annotated[list[Setting], Tag("of-values")] | Annotated[dict[str, Settings], Tag("of-levels")],
    Discriminator(lambda value: "of-levels" if isinstance(value, Mapping) else "of-values"),
]


class ExperimentConfig(Section):
    """One table: its question, cells, seeds, baseline and published values."""

    question: str = Field(description="Question that the table answers, in a sentence.")
    caption: str = Field("", description="Caption of the table in print, a statement; empty: the question.")
    seeds: int = Field(3, ge=1, le=MAX_SEEDS, description="Trials a cell, with seeds 0, 1, ...")
    metric: str | None = Field(None, description="Metric of the table; empty: the profile's.")
    metrics: list[str] = Field(
        default_factory=list, max_length=10, description="Metrics of the table, in place of one; the first is tested."
    )
    overrides: Settings = Field(default_factory=dict, description="Settings of every cell, over the profile's.")
    cells: list[NamedCell] = Field(default_factory=list, description="Rows by name, printed before the grid.")
    grid: dict[str, GridAxis] = Field(
        default_factory=dict,
        description="Axes, in all combinations: the values of a setting by its dotted name, or, by a name of the axis, "
        "its levels: settings by name.",
    )
    without: list[dict[str, Setting]] = Field(
        default_factory=list, description="Combinations of the grid that are left out, each by its values on some axes."
    )
    baseline: BaselineChoice | None = Field(
        None, description="Name of the cell that the others are compared with, or a baseline for each group of rows."
    )
    published: PublishedReference | None = Field(None, description="Published numbers beside ours.")
    published_tasks: str | None = Field(
        None,
        pattern=NAME,
        description="CSV file below experiments/published/, without its ending, all of whose series stand beside the "
        "table over tasks.",
    )
    evaluations: list[str] = Field(
        default_factory=list, max_length=100, description=f"{EVALUATIONS}; empty: the profile's."
    )
    weights: list[WeightsConfig] = Field(
        default_factory=list, max_length=100, description="Weights made elsewhere that `make evaluate` judges too."
    )
    _file: Document | None = PrivateAttr(None)

    def written_in(self, file: Document) -> Self:
        """Return the experiment with the file that it was read from."""
        self._file = file
        return self

    def place(self, *location: str | int) -> str:
        """Return the file and line of a part, for messages; empty if no file holds it."""
        return self._file.place(location) if self._file else ""

    @model_validator(mode="after")
    def _check_cells(self) -> Self:
        chosen_metrics(self.metric, self.metrics)
        if not self.cells and not self.grid:
            raise ValueError("an experiment needs a grid or cells, but got neither.")
        empty = [axis for axis, values in self.grid.items() if not values]
        if empty:
            raise ValueError(f"each axis of the grid needs at least one value, but got none for {empty[0]!r}.")
        for axis, values in self.grid.items():
            if isinstance(values, list) and (twice := first_twice(values)):
                raise ValueError(f"the values of an axis must differ, but {axis!r} has {twice[0]!r} twice.")
        num_cells = len(self.cells) + (prod(map(len, self.grid.values())) if self.grid else 0)
        if num_cells > MAX_CELLS:
            raise ValueError(f"an experiment must have at most {MAX_CELLS:,} cells, but its grid makes {num_cells:,}.")
        return self


Keep = Literal["backbone", "checkpoint", "nothing"]


class ResourcesConfig(Section):
    """The resources and the fault handling of a trial; neither decides a number of its results."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Device of the trials; auto: CUDA if present.")
    cpus_per_trial: int = Field(1, ge=1, le=MANY, description="CPU cores, and so torch threads, of a trial.")
    gpus_per_trial: float = Field(
        0.0,
        ge=0.0,
        le=MANY,
        description="GPUs of a trial, on one node: below 1, trials share one; above 1, a whole number.",
    )
    processes_per_trial: int | None = Field(
        None,
        ge=1,
        le=MANY,
        description="Processes that train a trial together; empty: one per GPU, or one without a GPU.",
    )
    trials_per_device: Annotated[int, Field(ge=1, le=MANY)] | Literal["auto"] | None = Field(
        None,
        description="Trials at a time on a GPU, or on a machine without one: a number; auto: as many as fit by the "
        "measured memory of one; empty: as many as gpus_per_trial and cpus_per_trial allow. A trial keeps its threads.",
    )
    max_failures: int = Field(
        2, ge=0, le=MANY, description="Restarts from the last checkpoint after a worker died or hung."
    )
    epoch_time_limit: float | None = Field(
        None,
        gt=0.0,
        le=1e9,
        description="Longest time without a finished epoch, in seconds; beyond it a trial counts as hung.",
    )
    checkpoint_seconds: float = Field(
        60.0, ge=0.0, le=1e9, description="Least time between two checkpoints, in seconds."
    )
    keep: Keep = Field(
        "backbone",
        description="Files of a trained trial that stay: the weights of its encoder, by which new questions are "
        "answered without training; also its last checkpoint; or nothing.",
    )

    @property
    def num_processes(self) -> int:
        """Processes that train a trial together."""
        return self.processes_per_trial or max(1, int(self.gpus_per_trial))

    @model_validator(mode="after")
    def _check_processes(self) -> Self:
        gpus, processes = self.gpus_per_trial, self.num_processes
        if gpus > 1 and gpus != int(gpus):
            raise ValueError(
                f"gpus_per_trial above 1 must be a whole number, but got {gpus}; nearest valid: {round(gpus)}."
            )
        if gpus > 0 and processes != max(1, int(gpus)):
            raise ValueError(
                "each process of a trial needs a GPU of its own, but got "
                f"processes_per_trial={processes}, gpus_per_trial={gpus:g}; "
                f"nearest valid processes_per_trial: {max(1, int(gpus))}."
            )
        if self.cpus_per_trial < processes:
            raise ValueError(
                "each process of a trial needs a CPU core, but got "
                f"cpus_per_trial={self.cpus_per_trial} for {processes} processes; "
                f"nearest valid cpus_per_trial: {processes}."
            )
        return self


class ProfileConfig(Section):
    """The scale of a run: data, encoder, schedule, resources and the metric that separates at that scale."""

    description: str = Field(description="Hardware and time that the profile is meant for.")
    metric: str | None = Field(None, description="Metric of the tables, e.g. probe/top1.")
    metrics: list[str] = Field(
        default_factory=list, max_length=10, description="Metrics of the tables, in place of one; the first is tested."
    )
    protocol: str = Field(description="Data set, probe, encoder and length in words, compared with published tables.")
    trial: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Trial settings by section.")
    methods: dict[str, Settings] = Field(
        default_factory=dict,
        description="Settings by dotted name for trials of a method, by its name, over those of all trials.",
    )
    evaluations: list[str] = Field(default_factory=list, max_length=100, description=f"{EVALUATIONS}.")
    resources: ResourcesConfig = ResourcesConfig()

    @model_validator(mode="after")
    def _check_metrics(self) -> Self:
        if not chosen_metrics(self.metric, self.metrics):
            raise ValueError("a profile needs metric or metrics, but got neither; nearest valid metric: probe/top1.")
        return self


def chosen_metrics(metric: str | None, metrics: Sequence[str]) -> tuple[str, ...]:
    """Return the metrics of a file that names one or several; empty if it names none.

    Raises:
        ValueError: It names both, or one twice.
    """
    if metric is not None and metrics:
        raise ValueError(f"metric stands in place of metrics, but got metric={metric!r} and metrics={list(metrics)}.")
    if twice := first_twice(metrics):
        raise ValueError(f"metrics must differ, but got {twice[0]!r} twice.")
    return (metric,) if metric is not None else tuple(metrics)


def check_processes(config: TrialConfig, resources: ResourcesConfig) -> None:
    """Check that each process of a trial holds whole groups of batch normalisation and of FT.

    The number of processes must not decide which images are normalised or transformed together, or results would
    depend on it.

    Args:
        config: The trial.
        resources: Resources of the trial.

    Raises:
        ConfigError: The groups cannot be shared out evenly.
    """
    processes = resources.num_processes
    drawn_apart = config.transform.groups > 1 and bool(config.transform.epochs_on(config.epochs))
    shared = {"model.bn_groups": config.model.bn_groups} | (
        {"transform.groups": config.transform.groups} if drawn_apart else {}
    )
    for name, groups in shared.items():
        if groups % processes:
            valid = max(
                number for number in range(1, processes) if not any(count % number for count in shared.values())
            )
            raise ConfigError(
                f"{name} must be a multiple of the processes of a trial, so that each holds whole groups, but got "
                f"{name.partition('.')[2]}={groups} for {processes} processes; "
                f"nearest valid resources.processes_per_trial: {valid}."
            )
