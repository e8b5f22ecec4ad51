"""The space of a search: turn Optuna's parameters into the settings of a trial, and back."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.study import create_study
from optuna.trial import BaseTrial

from ftlab.config.loading import flatten
from ftlab.config.search import Space
from ftlab.config.setting import Setting, Settings, Trait
from ftlab.config.trial import TrialConfig, settings_with
from ftlab.errors import ConfigError
from ftlab.search.dimension import ChoiceDimension, Params, make_dimension

Resolve = Callable[[Mapping[str, Setting]], TrialConfig]

NUM_EXAMPLES = 64


@dataclass(frozen=True)
class Point:
    """A configuration in a space.

    Attributes:
        settings: Its settings by dotted name; those without effect are left out.
        params: The parameters that Optuna would have drawn.
    """

    settings: Settings
    params: Params


class SearchSpace:
    """The settings that vary in a search. A setting is drawn only if it has an effect, given those drawn before it.

    Args:
        space: Spaces of the settings that vary, by dotted name.
        resolve: Turns settings into a trial, with all other settings as the search has them.
    """

    def __init__(self, space: Mapping[str, Space], resolve: Resolve) -> None:
        # The method and switches come first, because they decide whether the others have an effect.
        switches = ("method.name", *settings_with(Trait.SWITCH))
        names = dict.fromkeys([*(name for name in switches if name in space), *space])
        self.dimensions = {name: make_dimension(name, space[name]) for name in names}
        self.resolve = resolve

    def suggest(self, trial: BaseTrial) -> Settings:
        """Return the settings that Optuna suggests; a setting without effect is left out."""
        settings: Settings = {}
        for name, dimension in self.dimensions.items():
            if self._has_effect(name, settings):
                params = {param: _suggest(trial, param, kind) for param, kind in dimension.distributions.items()}
                settings[name] = dimension.setting(params)
        return settings

    def locate(self, config: TrialConfig) -> Point:
        """Return the point of the space for a trial.

        Raises:
            ConfigError: One of its settings lies outside the space.
        """
        values = config.shown()
        method = {name: values[name] for name in ("method.name",) if name in self.dimensions}
        settings = {name: self._as_written(name, values[name], method) for name in self.dimensions if name in values}
        params: Params = {}
        for name, value in settings.items():
            params.update(self.dimensions[name].params(value))
        return Point(settings, params)

    def examples(self) -> list[TrialConfig]:
        """Return trials from all over the space: its edges one at a time, then random points, the same each time.

        Raises:
            ConfigError: A combination of settings breaks a rule, or a setting never has an effect.
        """
        seen: set[str] = set()
        configs = []
        for settings in self._example_settings():
            try:
                config = self.resolve(settings)
            except ConfigError as error:
                raise ConfigError(f"every point of a space must be a trial, but {settings} is not: {error}") from error
            seen |= config.shown().keys()
            configs.append(config)
        for name in self.dimensions:
            if name not in seen:
                raise ConfigError(
                    f"a setting must have an effect, but {name!r} has none anywhere in the space; remove it there."
                )
        return configs

    def _example_settings(self) -> Iterator[Settings]:
        firsts = self._firsts()
        for name, dimension in self.dimensions.items():
            yield from ({**firsts, name: value} for value in dimension.examples())
        study = create_study(sampler=RandomSampler(seed=0))
        for _ in range(NUM_EXAMPLES):
            yield self.suggest(study.ask())

    def _firsts(self) -> Settings:
        return {name: dimension.examples()[0] for name, dimension in self.dimensions.items()}

    def _has_effect(self, name: str, chosen: Mapping[str, Setting]) -> bool:
        # Settings that are not drawn yet take a value of the space, so that the trial that is tried here is valid.
        around = {**self._firsts(), **chosen}
        examples = self.dimensions[name].examples()
        return any(name in self.resolve({**around, name: example}).shown() for example in examples)

    def _as_written(self, name: str, value: Setting, method: Settings) -> Setting:
        if not isinstance(self.dimensions[name], ChoiceDimension):
            return value
        # A choice like 0.5x means a number of the profile's.
        examples = self.dimensions[name].examples()
        written = (example for example in examples if flatten(self.resolve({**method, name: example}))[name] == value)
        return next(written, value)


def _suggest(trial: BaseTrial, name: str, kind: BaseDistribution) -> Any:
    if isinstance(kind, FloatDistribution):
        return trial.suggest_float(name, kind.low, kind.high, step=kind.step, log=kind.log)
    if isinstance(kind, IntDistribution):
        return trial.suggest_int(name, kind.low, kind.high, step=kind.step, log=kind.log)
    return trial.suggest_categorical(name, cast("CategoricalDistribution", kind).choices)
