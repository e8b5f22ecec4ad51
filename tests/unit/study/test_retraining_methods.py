"""A trial of another method than the profile's is trained again as it was, whatever the profile has for its method."""

import shlex
from typing import Any

import pytest

from ftlab.config.experiment import ProfileConfig
from ftlab.config.loading import parse_overrides, resolve_trial
from ftlab.config.setting import Setting
from ftlab.study.identity import trial_key
from ftlab.study.recorded_params import recorded_params
from ftlab.study.retraining import retraining_command
from ftlab.study.spec import single_trial_study


@pytest.mark.parametrize("methods", [{}, {"simclr": {"model.bn_groups": 1, "method.temperature": 0.3}}], ids=str)
@pytest.mark.parametrize(
    "settings",
    [
        {"method.name": "simclr"},
        # Values of the profile's own method, or of no method.
        {"method.name": "simclr", "method.temperature": 0.1, "model.bn_groups": 4},
        {"method.name": "simclr", "model.bn_groups": 2, "seed": 3},
        {},
    ],
    ids=str,
)
def test_the_command_names_the_same_trial(
    methods: dict[str, Any], settings: dict[str, Setting], tiny_profile: dict[str, Any]
) -> None:
    profile = ProfileConfig.model_validate({**tiny_profile, "methods": methods})
    trained = resolve_trial(profile, settings)
    command = shlex.split(retraining_command("tiny", profile, recorded_params(trained)))
    overrides = parse_overrides([command[place + 1] for place, word in enumerate(command) if word == "--set"])
    [cell] = single_trial_study("tiny", profile, trained.seed, overrides).cells
    assert trial_key(cell.with_seed(trained.seed), "data") == trial_key(trained, "data")
