"""The command that trains one recorded trial again."""

from collections.abc import Mapping
from shlex import quote

from ftlab.config.experiment import ProfileConfig, Setting
from ftlab.config.loading import flatten, number_or_text, resolve_trial
from ftlab.config.trial import TrialConfig
from ftlab.config.yaml_text import parse_yaml
from ftlab.tuning.cells import SWITCHES
from ftlab.tuning.identity import DATA_PREFIX, effective_settings
from ftlab.tuning.overrides import spell

# A recorded trial is never trained again in its home, so the command needs another one.
OTHER_HOME = "FTLAB_HOME=.ftlab-again"


def retraining_command(profile_name: str, profile: ProfileConfig, params: Mapping[str, str]) -> str:
    """Return the command that trains a trial again, in a home of its own.

    Args:
        profile_name: Name of the profile that the trial was trained at.
        profile: The profile as it is now; the command sets every setting of the trial that differs from it.
        params: Every setting of the trial by dotted name, as recorded.

    Raises:
        ConfigError: This version does not know a setting any more, or refuses its value.
    """
    config = recorded_config(params)
    parts = [OTHER_HOME, "ftlab", "train", "--profile", quote(profile_name), "--seed", str(config.seed)]
    for name, value in _beyond(profile, config).items():
        parts += ["--set", quote(f"{name}={spell(value)}")]
    return " ".join(parts)


def recorded_config(params: Mapping[str, str]) -> TrialConfig:
    """Return the config that was recorded with these settings.

    Args:
        params: Every setting of the trial by dotted name, as recorded.

    Raises:
        ConfigError: This version does not know a setting any more, or refuses its value.
    """
    recorded = {name: _read(text) for name, text in params.items()}
    return resolve_trial(ProfileConfig(description="", metric="", protocol=""), recorded)


def _beyond(profile: ProfileConfig, config: TrialConfig) -> dict[str, Setting]:
    """Return the settings that differ from the profile, without those that have no effect, which would be refused."""
    base = flatten(resolve_trial(profile, {}))
    effective = {*effective_settings(config), *SWITCHES} - {"seed"}
    return {
        name: value
        for name, value in flatten(config).items()
        if value != base[name] and (name in effective or name.startswith(DATA_PREFIX))
    }


def _read(text: str) -> Setting:
    return number_or_text(parse_yaml(text, "a recorded setting"))
