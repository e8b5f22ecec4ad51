"""Resolve an experiment file to the trials that its table needs."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property

from ftlab.config.experiment import (
    MAX_SEEDS,
    ExperimentConfig,
    NamedCell,
    ProfileConfig,
    check_processes,
    chosen_metrics,
)
from ftlab.config.loading import check_setting_name, load_experiment, load_profile, resolve_trial
from ftlab.config.sections.data_section import DataConfig
from ftlab.config.setting import Setting, Settings
from ftlab.config.trial import TrialConfig
from ftlab.config.weights_file import WeightsConfig
from ftlab.errors import ConfigError, nearest
from ftlab.reporting.table.baselines import Baseline, baseline_of
from ftlab.study.cells import CellSpec, check_effects, check_names, find_baseline
from ftlab.study.grid import WrittenRow, written_rows
from ftlab.study.identity import prefix_keys, prefix_spans, pretraining_key, trial_and_cell_key, unshared_key
from ftlab.study.overrides import changed_protocol, check_overrides, overrides_suffix
from ftlab.training.evaluation.probe_metrics import PROBE_METRICS, optional_probes

MAX_TRIALS = 100_000
METRICS = (
    "probe/top1",
    "probe/few_shot_top1",
    "knn/top1",
    *PROBE_METRICS["finetune"],
    *PROBE_METRICS["long_tail"],
)


@dataclass(frozen=True)
class StudySpec:
    """An experiment at one profile, resolved and checked.

    Attributes:
        experiment: Name of the experiment.
        profile_name: Name of the profile.
        overrides: Settings of the user for every cell.
        question: Question that the table answers.
        metric: Metric of the table.
        protocol: The profile's protocol in words, with the user's changes.
        seeds: Seeds that every cell needs.
        axes: Dotted names that tell the cells apart, in the order of the file.
        cells: Rows of the table, in the order of the file.
        baseline: Name of the cell that others are compared with, or one for each group.
        published: File and series of the published column.
        profile: The scale of the run.
        other_metrics: Further metrics that the table shows.
        caption: Statement that stands above the table in print; empty takes the question.
        evaluations: Images that kept backbones are judged on besides their own.
        weights: Weights made elsewhere that are judged beside them.
        published_tasks: File of published accuracies beside the table over tasks.
    """

    experiment: str
    profile_name: str
    overrides: Mapping[str, Setting]
    question: str
    metric: str
    protocol: str
    seeds: tuple[int, ...]
    axes: tuple[str, ...]
    cells: tuple[CellSpec, ...]
    baseline: Baseline
    published: tuple[str, str | None] | None
    profile: ProfileConfig
    other_metrics: tuple[str, ...] = ()
    caption: str = ""
    evaluations: tuple[str, ...] = ()
    weights: tuple[WeightsConfig, ...] = ()
    published_tasks: str | None = None

    def __post_init__(self) -> None:
        num_trials = len(self.cells) * len(self.seeds)
        if num_trials > MAX_TRIALS:
            raise ConfigError(
                f"a study must have at most {MAX_TRIALS:,} trials, but {len(self.cells):,} cells with "
                f"{len(self.seeds):,} seeds make {num_trials:,}; nearest valid number of seeds: "
                f"{max(1, MAX_TRIALS // len(self.cells)):,}."
            )

    @property
    def data(self) -> DataConfig:
        """The data settings, which all cells share."""
        return self.cells[0].config.data

    @property
    def baselines(self) -> dict[str, str]:
        """Name of each cell's baseline, by its own name; a baseline has itself, and without one a cell is left out."""
        names = {cell.name: baseline_of(self.baseline, cell.axis_values(self.axes)) for cell in self.cells}
        return {name: baseline for name, baseline in names.items() if baseline is not None}

    @property
    def results_name(self) -> str:
        """Folder of the results below ``results/``: experiment, profile and a mark of overrides."""
        return f"{self.experiment}/{self.profile_name}{overrides_suffix(self.overrides)}"


def load_study(
    experiment: str, profile: str, *, num_seeds: int | None = None, overrides: Mapping[str, Setting] | None = None
) -> StudySpec:
    """Load an experiment at a profile and resolve its cells.

    Args:
        experiment: Name of a file in experiments/.
        profile: Name of a file in experiments/profiles/.
        num_seeds: Trials a cell; None takes the experiment's number.
        overrides: Settings by dotted name for every cell; they win over the files.

    Raises:
        ConfigError: A name or a value is wrong, before anything is trained.
    """
    return resolve_study(experiment, load_experiment(experiment), profile, load_profile(profile), num_seeds, overrides)


def resolve_study(
    name: str,
    experiment: ExperimentConfig,
    profile_name: str,
    profile: ProfileConfig,
    num_seeds: int | None = None,
    overrides: Mapping[str, Setting] | None = None,
) -> StudySpec:
    """Resolve an experiment at a profile; see `load_study`."""
    overrides = dict(overrides or {})
    for name_set in overrides:
        check_setting_name(name_set)
    metrics = _checked_metrics(experiment, profile)
    shared: Settings = {**asked_by(metrics), **experiment.overrides, **overrides}
    rows = written_rows(experiment, name)
    cells = tuple(_resolve_cell(name, row, experiment, profile, shared) for row in rows)
    axes = tuple(dict.fromkeys([*(axis for cell in experiment.cells for axis in cell.set), *experiment.grid]))
    check_overrides(overrides, experiment.overrides, {setting for cell in cells for setting in cell.settings})
    check_names(cells, {row.name for row in rows if row.is_of_grid})
    baseline = find_baseline(cells, axes, experiment.baseline, experiment.place("baseline") or name)
    check_effects(cells, overrides)
    for cell in cells:
        check_processes(cell.config, profile.resources)
        _check_asked(cell, metrics)
    if num_seeds is not None and not 1 <= num_seeds <= MAX_SEEDS:
        raise ConfigError(f"the number of seeds must be at least 1 and at most {MAX_SEEDS:,}, but got {num_seeds}.")
    published = (experiment.published.table, experiment.published.series) if experiment.published else None
    return StudySpec(
        experiment=name,
        profile_name=profile_name,
        overrides=overrides,
        question=experiment.question,
        caption=experiment.caption,
        metric=metrics[0],
        other_metrics=metrics[1:],
        protocol=changed_protocol(profile.protocol, overrides),
        seeds=tuple(range(num_seeds or experiment.seeds)),
        axes=axes,
        cells=cells,
        baseline=baseline,
        published=published,
        profile=profile,
        evaluations=tuple(experiment.evaluations or profile.evaluations),
        weights=tuple(experiment.weights),
        published_tasks=experiment.published_tasks,
    )


def asked_by(metrics: Sequence[str]) -> Settings:
    """Return the settings that take the probes of some metrics.

    >>> asked_by(["probe/top1", "finetune/top1"])
    {'probe.finetune': True}
    """
    return {f"probe.{probe}": True for metric in metrics for probe in sorted(optional_probes(metric))}


def _checked_metrics(experiment: ExperimentConfig, profile: ProfileConfig) -> tuple[str, ...]:
    metrics = chosen_metrics(experiment.metric, experiment.metrics) or chosen_metrics(profile.metric, profile.metrics)
    for metric in metrics:
        if metric not in METRICS:
            raise ConfigError(f"the metric of a table must be a probe, but got {metric!r}.{nearest(metric, METRICS)}")
    return metrics


def _check_asked(cell: CellSpec, metrics: Sequence[str]) -> None:
    for metric in metrics:
        for probe in optional_probes(metric) - cell.config.probe.evaluations().keys():
            raise ConfigError(
                f"{cell.place}: the metric {metric!r} needs probe.{probe}, but it is false in cell {cell.name!r}; "
                "nearest valid: true."
            )


def _resolve_cell(
    name: str, row: WrittenRow, experiment: ExperimentConfig, profile: ProfileConfig, shared: Settings
) -> CellSpec:
    def place(setting: str) -> str:
        if setting in row.places:
            return experiment.place(*row.places[setting]) or name
        return experiment.place("overrides", setting) if setting in experiment.overrides else "settings"

    config = resolve_trial(profile, {**shared, **row.settings}, place)
    return CellSpec(row.name, row.settings, config, experiment.place(*row.location) or name, row.levels)


def single_trial_study(
    profile_name: str, profile: ProfileConfig, seed: int, overrides: Mapping[str, Setting]
) -> StudySpec:
    """Return a study of one trial: the profile as it is, with overrides.

    Raises:
        ConfigError: The seed is negative, or a name or a value is wrong.
    """
    if seed < 0:
        raise ConfigError(f"a seed must be at least 0, but got {seed}.")
    experiment = ExperimentConfig(question=f"One trial of {profile_name}", cells=[NamedCell(name="trial")])
    study = resolve_study("train", experiment, profile_name, profile, overrides=overrides)
    return replace(study, seeds=(seed,))


@dataclass(frozen=True)
class Trial:
    """A trial with the keys that name it."""

    key: str
    cell_key: str
    cell: str
    config: TrialConfig
    fingerprint: str

    @property
    def name(self) -> str:
        """Short label for people."""
        return f"{self.cell} seed {self.config.seed}"

    @property
    def epochs(self) -> int:
        """Length of the training."""
        return self.config.train.epochs

    @cached_property
    def pretraining_key(self) -> str:
        """Key of the training, which trials share that are judged otherwise after the last epoch."""
        return pretraining_key(self.config, self.fingerprint)

    @cached_property
    def prefix_keys(self) -> tuple[str, ...]:
        """Names of the states after 1, 2, ... epochs, which trials with the same prefix share."""
        return tuple(prefix_keys(self.config, self.fingerprint))

    @cached_property
    def prefix_spans(self) -> tuple[tuple[str, range], ...]:
        """Digests of spans of epochs, which trials with the same prefix share; quicker than `prefix_keys`."""
        return tuple(prefix_spans(self.config, self.fingerprint))

    def checkpoint_names(self, *, share: bool) -> tuple[str, ...]:
        """Return the names of the checkpoints after 1, 2, ... epochs: shared ones, or the trial's own."""
        if share:
            return self.prefix_keys
        return tuple(unshared_key(self.key, epoch) for epoch in range(1, self.epochs + 1))

    def deepest(self, names: Set[str], *, share: bool) -> int:
        """Return the last epoch whose checkpoint is among ``names``, 0 if there is none."""
        if not names:
            return 0
        numbered = enumerate(self.checkpoint_names(share=share), 1)
        return max((epoch for epoch, name in numbered if name in names), default=0)


def expand_trials(study: StudySpec, fingerprint: str) -> list[Trial]:
    """Return the study's trials, each key once, ordered by seed so that every cell has its first seed early."""
    trials: dict[str, Trial] = {}
    for seed in study.seeds:
        for cell in study.cells:
            trial = make_trial(cell, seed, fingerprint)
            trials.setdefault(trial.key, trial)
    return list(trials.values())


def make_trial(cell: CellSpec, seed: int, fingerprint: str) -> Trial:
    """Return a cell's trial with its keys.

    Args:
        cell: The cell.
        seed: Seed of the trial.
        fingerprint: Digest of the data's content.
    """
    config = cell.with_seed(seed)
    return Trial(*trial_and_cell_key(config, fingerprint), cell.name, config, fingerprint)


def axis_values(study: StudySpec, cell: CellSpec) -> Settings:
    """Return the value of each axis in a cell; None where the axis has no effect in it."""
    return cell.axis_values(study.axes)
