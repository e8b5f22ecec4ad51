"""A trial's settings as the tracking store holds them: what is recorded of them, and how they are read back."""

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
# Stores cut longer ones; somebody else may have written them.
MAX_LENGTH = 6_000


def recorded_params(config: TrialConfig) -> dict[str, str]:
    """Return the parameters that a trial is recorded with: the settings that decide something in it, as text."""
    return {name: spell(value) for name, value in config.shown().items()}


def config_from_params(params: Mapping[str, str]) -> TrialConfig:
    """Return the trial that was recorded with these parameters.

    Settings that were left out had no effect and take their defaults: the trial has the keys that it was recorded
    with, although it need not be equal in what decides nothing.

    Args:
        params: As `recorded_params` returns them, or every setting of the trial, as they were recorded before.

    Raises:
        ConfigError: This version knows a setting no more, or refuses its value.
    """
    return resolve_trial(NOTHING_SET, {name: _read(text) for name, text in params.items()})


def params_in_effect(params: Mapping[str, str]) -> dict[str, str]:
    """Return recorded parameters as this version records them; those of another version as they are."""
    try:
        return recorded_params(config_from_params(params))
    except ConfigError:
        return dict(params)


def recorded_ft_start(params: Mapping[str, str]) -> float:
    """Return the number of epochs before FT begins; NaN where it never does, or the trial is of another version."""
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
