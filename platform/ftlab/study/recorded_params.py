"""A trial's settings in the tracking store: turn them into recorded parameters, and read them back."""

import json
from collections.abc import Mapping
from math import nan

from ftlab.config.experiment import ProfileConfig
from ftlab.config.loading import resolve_trial
from ftlab.config.setting import Setting
from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError
from ftlab.study.overrides import spell

NOTHING_SET = ProfileConfig(description="", metric="", protocol="")
# Stores cut longer ones, and somebody else may have written them.
MAX_LENGTH = 6_000


def recorded_params(config: TrialConfig) -> dict[str, str]:
    """Return the parameters that a trial is recorded with: its settings that have an effect, as text."""
    return {name: spell(value) for name, value in config.shown().items()}


def config_from_params(params: Mapping[str, str]) -> TrialConfig:
    """Return the trial that was recorded with these parameters.

    Settings that were left out had no effect and take their defaults: the trial has the keys that it was recorded
    with, but it may differ in settings without effect.

    Args:
        params: The result of `recorded_params`, or every setting of the trial, as older versions recorded them.

    Raises:
        ConfigError: This version does not know a setting any more, or refuses its value.
    """
    return resolve_trial(NOTHING_SET, {name: _read(text) for name, text in params.items()})


def params_in_effect(params: Mapping[str, str]) -> dict[str, str]:
    """Return recorded parameters as this version records them; parameters that it cannot read stay unchanged."""
    try:
        return recorded_params(config_from_params(params))
    except ConfigError:
        return dict(params)


def recorded_ft_start(params: Mapping[str, str]) -> float:
    """Return the number of epochs before FT begins; NaN if it never does, or if this version cannot read the trial."""
    try:
        config = config_from_params(params)
    except ConfigError:
        return nan
    epochs_on = config.transform.epochs_on(config.epochs)
    return float(epochs_on.start) if epochs_on else nan


def _read(text: str) -> Setting:
    if len(text) > MAX_LENGTH:
        raise ConfigError(f"a recorded setting must have at most {MAX_LENGTH:,} characters, but has {len(text):,}.")
    try:
        return json.loads(text)  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        return text
