"""The command that trains a trial of another method than the profile's again."""

import shlex
from itertools import pairwise

import pytest

from ftlab.config.loading import load_profile, parse_overrides, resolve_trial
from ftlab.config.setting import Setting
from ftlab.study.identity import trial_key
from ftlab.study.recorded_params import recorded_params
from ftlab.study.retraining import retraining_command


@pytest.mark.parametrize(
    "settings",
    [
        {"method.name": "infomin"},
        {"method.name": "infomin", "method.queue_size": 16384, "method.symmetric": True},
        {"method.name": "simclr", "transform.positives": "extrapolate"},
    ],
    ids=str,
)
@pytest.mark.parametrize("profile_name", ["digits", "stl10"])
def test_it_names_the_method_and_all_its_settings(profile_name: str, settings: dict[str, Setting]) -> None:
    profile = load_profile(profile_name)
    config = resolve_trial(profile, settings)
    words = shlex.split(retraining_command(profile_name, profile, recorded_params(config)))
    assignments = [word for before, word in pairwise(words) if before == "--set"]
    again = resolve_trial(profile, parse_overrides(assignments))
    assert trial_key(again, "0") == trial_key(config, "0")
