import json
from math import isnan, nan
from typing import Any

import numpy as np
import pytest

from ftlab.config.experiment import ProfileConfig
from ftlab.config.loading import flatten, load_profile, resolve_trial
from ftlab.config.setting import Setting
from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError
from ftlab.study.identity import cell_key, prefix_keys, trial_key
from ftlab.study.overrides import spell
from ftlab.study.recorded_params import config_from_params, params_in_effect, recorded_ft_start, recorded_params

DATA = "d" * 32
PROFILE = ProfileConfig(description="", metric="probe/top1", protocol="")
FT = {"transform.positives": "extrapolate", "transform.negatives": "none", "train.epochs": "10"}

# Values between which settings have an effect or none, and break or keep the rules that tie them together.
POOL: dict[str, list[Any]] = {
    "seed": [0, 3],
    "data.name": ["digits", "folder", "cifar10"],
    "data.root": [None, "/data/a b", "flowers"],
    "data.class_list": [None, "classes.txt"],
    "data.corrupt_images": ["refuse", "skip"],
    "data.download": [False, True],
    "data.image_size": [8, 16],
    "views.size": [None, 8, 12],
    "model.backbone": ["small_cnn", "resnet18"],
    "model.stem": ["cifar", "imagenet"],
    "model.bn_groups": [1, 4],
    "method.queue_size": [1024, 2048],
    "transform.positives": ["none", "extrapolate", "interpolate"],
    "transform.negatives": ["none", "interpolate", "interpolate_union"],
    "transform.alpha_extrapolation": [2.0, 0.2],
    "transform.alpha_interpolation": [1.6, 0.4],
    "transform.lambda_extrapolation": [None, [1.0, 2.0], [1.0, 1.5], [0.25, 0.75]],
    "transform.lambda_interpolation": [[0.0, 1.0], [0.0, 0.5]],
    "transform.granularity": ["batch", "element"],
    "transform.query_for_negatives": ["transformed", "original"],
    "transform.renormalise": [False, True],
    "transform.start": [0.0, 0.02, 0.3, 0.5, 0.99, 1.0, "never"],
    "transform.stop": [1.0, 0.9, 0.5, 0.3, 0.0],
    "train.epochs": [1, 2, 7, 12],
    "train.learning_rate": [0.03, 1, 1e-5],
    "probe.every": [0, 1, 3, 50],
    "probe.linear_learning_rates": [[0.1, 1.0], [1.0]],
}


def random_configs(number: int) -> list[TrialConfig]:
    random = np.random.default_rng(0)
    configs: list[TrialConfig] = []
    while len(configs) < number:
        names = random.choice(sorted(POOL), random.integers(len(POOL)), replace=False)
        settings = {str(name): POOL[name][random.integers(len(POOL[name]))] for name in names}
        try:
            configs.append(resolve_trial(PROFILE, settings))
        except ConfigError:
            continue
    return configs


CONFIGS = random_configs(300)


def keys_of(config: TrialConfig) -> tuple[str, ...]:
    return (trial_key(config, DATA), cell_key(config, DATA), *prefix_keys(config, DATA))


def every_param(config: TrialConfig) -> dict[str, str]:
    """Return what runs recorded when they recorded every setting."""
    return {name: spell(value) for name, value in flatten(config).items()}


@pytest.mark.slow
def test_a_trial_that_is_read_back_has_its_keys() -> None:
    assert any(len(recorded_params(config)) < len(every_param(config)) - 10 for config in CONFIGS)
    for config in CONFIGS:
        read = config_from_params(recorded_params(config))
        assert keys_of(read) == keys_of(config), config
        assert recorded_params(read) == recorded_params(config)


@pytest.mark.slow
def test_a_trial_with_every_setting_recorded_is_read_back_as_it_was() -> None:
    for config in CONFIGS:
        assert config_from_params(every_param(config)) == config
        assert params_in_effect(every_param(config)) == recorded_params(config)


@pytest.mark.parametrize("profile", ["digits", "cifar10", "imagenet100", "imagenet1k", "stl10", "tiny"])
def test_the_trials_of_the_profiles_are_read_back(profile: str) -> None:
    config = resolve_trial(load_profile(profile), {"transform.positives": "extrapolate"})
    assert keys_of(config_from_params(recorded_params(config))) == keys_of(config)


@pytest.mark.parametrize(
    ("settings", "absent"),
    [
        ({}, ["model.stem", "transform.start", "transform.granularity", "data.download", "data.class_list"]),
        ({"transform.positives": "extrapolate"}, ["transform.alpha_interpolation", "transform.lambda_interpolation"]),
        ({"transform.negatives": "interpolate"}, ["transform.alpha_extrapolation", "transform.query_for_negatives"]),
        (
            {"transform.positives": "extrapolate", "transform.start": "never"},
            ["transform.stop", "transform.renormalise"],
        ),
    ],
)
def test_a_setting_without_effect_is_no_parameter(settings: dict[str, Setting], absent: list[str]) -> None:
    params = recorded_params(resolve_trial(PROFILE, settings))
    assert not set(absent) & set(params)
    assert {name: json.dumps(value).strip('"') for name, value in settings.items()}.items() <= params.items()


def test_what_an_empty_setting_stands_for_is_recorded() -> None:
    params = recorded_params(resolve_trial(PROFILE, {"transform.positives": "interpolate", "data.image_size": 12}))
    assert (params["views.size"], params["transform.lambda_extrapolation"]) == ("12", "[0.0, 1.0]")


@pytest.mark.parametrize(
    "params",
    [{"train.epochs": "many"}, {"train": "1", "train.epochs": "3"}, {"method.gone": "1"}, {"seed": "[" * 99999}],
)
def test_a_trial_of_another_version_is_refused(params: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        config_from_params(params)
    assert params_in_effect(params) == params
    assert isnan(recorded_ft_start(params))


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"transform.start": "0.0"}, 0.0),
        ({"transform.start": "0.31", "transform.stop": "0.8"}, 3.0),
        ({"transform.start": "0.25", "train.epochs": "100"}, 25.0),
        ({"transform.start": "never"}, nan),
        ({"transform.start": "0.3", "transform.positives": "none"}, nan),
        # FT that begins when the training is over, or that has ended by then, never takes part.
        ({"transform.start": "1.0"}, nan),
        ({"transform.start": "0.98"}, nan),
        ({"transform.start": "0.5", "transform.stop": "0.5"}, nan),
        ({"transform.start": "0.31", "transform.stop": "0.33"}, nan),
    ],
)
def test_ft_begins_where_it_takes_part(params: dict[str, str], expected: float) -> None:
    assert recorded_ft_start({**FT, **params}) == pytest.approx(expected, nan_ok=True)


def test_ft_of_a_trial_without_params_never_begins() -> None:
    assert isnan(recorded_ft_start({}))
