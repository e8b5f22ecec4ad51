"""Resolve a search file at a profile: its space, its known configurations, its length."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from ftlab.config.experiment import ExperimentConfig, NamedCell, ProfileConfig
from ftlab.config.loading import check_setting_name, flatten, load_profile, load_search, resolve_trial
from ftlab.config.search import ChoiceSpace, SamplerConfig, SearchConfig
from ftlab.config.setting import Setting
from ftlab.config.trial import TrialConfig, method_sections
from ftlab.errors import ConfigError, nearest
from ftlab.search.space import Point, SearchSpace
from ftlab.study.cells import CellSpec
from ftlab.study.early_stopping import EarlyStopping
from ftlab.study.identity import DATA_PREFIX, NUMERICS_VERSION
from ftlab.study.spec import StudySpec, asked_by, resolve_study

PROFILE_CELL = "profile"


@dataclass(frozen=True)
class SearchSpec:
    """A search at one profile, resolved and checked.

    Attributes:
        config: The search file.
        study: The part that a search shares with an experiment: names, metric, profile, overrides. Its cells are the
            known configurations; without any, the profile as it is.
        space: The settings that vary.
        known: The points of the known configurations in the space, by their names.
        examples: Trials from all over the space.
        num_trials: Configurations to evaluate.
        early_stopping: Rule that stops trials early; None stops none.
    """

    config: SearchConfig
    study: StudySpec
    space: SearchSpace
    known: Mapping[str, Point]
    examples: tuple[TrialConfig, ...]
    num_trials: int
    early_stopping: EarlyStopping | None

    @property
    def name(self) -> str:
        """Name of the search at its profile, with a mark of overrides."""
        return self.study.results_name

    @property
    def sampler(self) -> SamplerConfig:
        """The sampler that suggests configurations."""
        return self.config.sampler

    @property
    def has_cost(self) -> bool:
        """Return whether the cost of a trial is an objective beside its accuracy."""
        return "cost" in self.config.objectives

    def digest(self, fingerprint: str) -> str:
        """Return the digest of everything that must not change if trials of a search are to be comparable.

        Args:
            fingerprint: Digest of the data's content.
        """
        trial = self.space.resolve({})
        left_out = trial.unused_additions()
        base = {name: value for name, value in flatten(trial).items() if not _is_data(name) and name not in left_out}
        content = {
            "space": {name: space.model_dump(mode="json") for name, space in self.config.space.items()},
            "base": base,
            "objectives": self.config.objectives,
            "metric": self.study.metric,
            "seeds": self.config.seeds,
            "data": fingerprint,
            "numerics": NUMERICS_VERSION,
            **self._of_methods(),
        }
        return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def _of_methods(self) -> dict[str, object]:
        """Return what the profile has for the methods that vary, if there is any."""
        space = self.config.space.get("method.name")
        varying = space.choices if isinstance(space, ChoiceSpace) else []
        found = {method: settings for method, settings in self.study.profile.methods.items() if method in varying}
        return {"methods": found} if found else {}


def load_search_spec(
    search: str, profile: str, *, num_trials: int | None = None, overrides: Mapping[str, Setting] | None = None
) -> SearchSpec:
    """Load a search at a profile and check it.

    Args:
        search: Name of a file in experiments/.
        profile: Name of a file in experiments/profiles/.
        num_trials: Configurations to evaluate; None takes the file's number.
        overrides: Settings by dotted name for every trial; they win over the files.

    Raises:
        ConfigError: A name or a value is wrong, before anything is trained.
    """
    return resolve_search(search, load_search(search), profile, load_profile(profile), num_trials, overrides)


def resolve_search(
    name: str,
    config: SearchConfig,
    profile_name: str,
    profile: ProfileConfig,
    num_trials: int | None = None,
    overrides: Mapping[str, Setting] | None = None,
) -> SearchSpec:
    """Resolve a search at a profile; see `load_search_spec`."""
    overrides = dict(overrides or {})
    if num_trials is not None and num_trials < 1:
        raise ConfigError(f"the number of trials must be at least 1, but got {num_trials}.")
    _check_names(name, config, overrides)
    experiment = ExperimentConfig(
        question=config.question,
        metric=config.metric,
        overrides=config.overrides,
        cells=config.enqueue or [NamedCell(name=PROFILE_CELL)],
        seeds=config.seeds,
    )
    study = resolve_study(name, experiment, profile_name, profile, None, overrides)
    space = SearchSpace(
        config.space, partial(_resolve, profile, {**asked_by([study.metric]), **config.overrides, **overrides})
    )
    return SearchSpec(
        config=config,
        study=study,
        space=space,
        known={cell.name: _locate(space, cell) for cell in study.cells} if config.enqueue else {},
        examples=tuple(space.examples()),
        num_trials=num_trials or config.trials,
        early_stopping=_early_stopping(config, study),
    )


def _resolve(profile: ProfileConfig, fixed: Mapping[str, Setting], settings: Mapping[str, Setting]) -> TrialConfig:
    return resolve_trial(profile, {**fixed, **_without_other_methods(settings)})


def _without_other_methods(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """Return the settings without those that the method among them does not have."""
    section = method_sections().get(str(settings.get("method.name")))
    if section is None:
        return dict(settings)
    own = {f"method.{key}" for key in section.model_fields}
    return {name: value for name, value in settings.items() if not name.startswith("method.") or name in own}


def _locate(space: SearchSpace, cell: CellSpec) -> Point:
    for name in cell.settings:
        if name not in space.dimensions:
            raise ConfigError(
                f"what is enqueued must lie in the space, but {cell.name!r} sets {name!r}, which does not vary."
                f"{nearest(name, space.dimensions)}"
            )
    try:
        return space.locate(cell.config)
    except ConfigError as error:
        raise ConfigError(f"what is enqueued must lie in the space, but {cell.name!r} does not: {error}") from error


def _early_stopping(config: SearchConfig, study: StudySpec) -> EarlyStopping | None:
    if config.early_stopping is None:
        return None
    trial = study.cells[0].config
    epochs, every = trial.train.epochs, trial.probe.every or trial.train.epochs
    grace = max(1, round(config.early_stopping.grace * epochs))
    if grace < every <= epochs:
        raise ConfigError(
            "early stopping judges by kNN probes, but the first comes after its grace period: "
            f"early_stopping.grace={config.early_stopping.grace:g} of {epochs} epochs, probe.every={every}; "
            f"nearest valid grace: {every / epochs:g}."
        )
    return EarlyStopping(epochs, grace, config.early_stopping.reduction_factor)


def _check_names(search: str, config: SearchConfig, overrides: Mapping[str, Setting]) -> None:
    for name in config.space:
        check_setting_name(name)
        if name == "seed":
            raise ConfigError(f"{search}: seeds are chosen by their number, but seed is in the space; use seeds: n.")
        if _is_data(name):
            raise ConfigError(f"{search}: all trials share their data, but {name!r} is in the space; use a profile.")
        if name in overrides or name in config.overrides:
            raise ConfigError(f"an override must not be in the space of the search, but got {name!r}; edit the space.")


def _is_data(name: str) -> bool:
    return name.startswith(DATA_PREFIX)
