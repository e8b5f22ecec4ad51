import shlex
from collections.abc import Callable
from typing import Any

import pytest

from ftlab.config.experiment import ProfileConfig
from ftlab.config.loading import flatten, parse_overrides, resolve_trial
from ftlab.config.setting import Setting
from ftlab.errors import ConfigError
from ftlab.study.identity import trial_key
from ftlab.study.overrides import spell
from ftlab.study.recorded_params import recorded_params
from ftlab.study.retraining import retraining_command
from ftlab.study.spec import single_trial_study

ParamsOf = Callable[[ProfileConfig, dict[str, Setting]], dict[str, str]]


def params_of(profile: ProfileConfig, settings: dict[str, Setting]) -> dict[str, str]:
    return recorded_params(resolve_trial(profile, settings))


def every_param(profile: ProfileConfig, settings: dict[str, Setting]) -> dict[str, str]:
    """Return what runs recorded when they recorded every setting."""
    return {name: spell(value) for name, value in flatten(resolve_trial(profile, settings)).items()}


@pytest.mark.parametrize("params_of", [params_of, every_param])
@pytest.mark.parametrize(
    "settings",
    [
        {"seed": 2},
        {"method.key_momentum": 0.5, "views.size": 8},
        {"transform.positives": "extrapolate", "transform.lambda_extrapolation": [1.0, 1.5], "transform.start": 0.5},
        {"transform.positives": "extrapolate", "transform.start": "never", "transform.alpha_interpolation": 0.2},
        {"transform.positives": "extrapolate", "transform.start": 0.5, "transform.stop": 0.5},
        {"probe.linear_learning_rates": [1.0, 2.0], "train.learning_rate": 1e-5},
    ],
)
def test_the_command_names_the_same_trial(
    profile: ProfileConfig, settings: dict[str, Setting], params_of: ParamsOf
) -> None:
    command = shlex.split(retraining_command("tiny", profile, params_of(profile, settings)))
    assert command[:5] == ["FTLAB_HOME=.ftlab-again", "ftlab", "train", "--profile", "tiny"]
    overrides = parse_overrides([command[place + 1] for place, word in enumerate(command) if word == "--set"])
    seed = int(command[command.index("--seed") + 1])
    study = single_trial_study("tiny", profile, seed, overrides)
    expected = resolve_trial(profile, settings)
    assert trial_key(study.cells[0].with_seed(seed), "data") == trial_key(expected, "data")


def test_what_the_profile_says_is_not_repeated(profile: ProfileConfig) -> None:
    command = retraining_command("tiny", profile, params_of(profile, {"method.temperature": 0.2}))
    assert command == "FTLAB_HOME=.ftlab-again ftlab train --profile tiny --seed 0 --set method.temperature=0.2"


def test_a_profile_that_was_edited_is_overruled(profile: ProfileConfig, tiny_profile: dict[str, Any]) -> None:
    params = params_of(profile, {})
    edited = ProfileConfig.model_validate({**tiny_profile, "trial": {**tiny_profile["trial"], "train": {"epochs": 9}}})
    assert retraining_command("tiny", edited, params).endswith("--set train.epochs=2")


def test_a_setting_that_is_known_no_more_is_refused(profile: ProfileConfig) -> None:
    with pytest.raises(ConfigError, match=r"method\.gone"):
        retraining_command("tiny", profile, {**params_of(profile, {}), "method.gone": "1"})
