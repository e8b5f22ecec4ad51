"""The command that trains one recorded trial again."""

from collections.abc import Mapping
from shlex import quote

from ftlab.config.experiment import ProfileConfig
from ftlab.config.loading import flatten, resolve_trial
from ftlab.config.setting import Settings
from ftlab.config.trial import TrialConfig
from ftlab.study.overrides import spell
from ftlab.study.recorded_params import config_from_params

# A recorded trial is never trained again in its home, so the command needs another one.
OTHER_HOME = "FTLAB_HOME=.ftlab-again"


def retraining_command(profile_name: str, profile: ProfileConfig, params: Mapping[str, str]) -> str:
    """Return the command that trains a trial again, in a home of its own.

    Args:
        profile_name: Name of the profile that the trial was trained at.
        profile: The profile as it is now; the command sets every setting of the trial that differs from it.
        params: Parameters of the trial, as recorded.

    Raises:
        ConfigError: This version does not know a setting any more, or refuses its value.
    """
    config = config_from_params(params)
    parts = [OTHER_HOME, "ftlab", "train", "--profile", quote(profile_name), "--seed", str(config.seed)]
    for name, value in _beyond(profile, config).items():
        parts += ["--set", quote(f"{name}={spell(value)}")]
    return " ".join(parts)


def _beyond(profile: ProfileConfig, config: TrialConfig) -> Settings:
    """Return the settings that differ from the profile, without those that have no effect, which would be refused."""
    base = resolve_trial(profile, {})
    given = {**flatten(base), **base.shown()}
    if config.method.name != base.method.name:
        # What the profile says of its own method means nothing to another.
        given = {name: value for name, value in given.items() if not name.startswith("method.")}
    shown = {name: value for name, value in config.shown().items() if name != "seed"}
    return {name: value for name, value in shown.items() if name not in given or value != given[name]}
