"""The settings that a profile has for each method: their place in the order, and their errors."""

import json
import re
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from ftlab.config.experiment import ProfileConfig
from ftlab.config.json_schemas import json_schemas
from ftlab.config.loading import experiments_folder, load_profile, resolve_trial
from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError
from ftlab.study.spec import load_study, single_trial_study

TRIAL: dict[str, Any] = {
    "model": {"bn_groups": 2},
    "method": {"key_momentum": 0.9, "queue_size": 256, "temperature": 0.2},
    "train": {"learning_rate": 0.03, "epochs": 2},
}
METHODS: dict[str, dict[str, Any]] = {
    "simclr": {"method.temperature": 0.4, "train.learning_rate": 0.1, "model.bn_groups": 1},
}


def make_profile(**methods: dict[str, Any]) -> ProfileConfig:
    fields = {"description": "", "metric": "probe/top1", "protocol": "", "trial": TRIAL, "methods": methods or METHODS}
    return ProfileConfig.model_validate(fields)


def test_they_lie_over_those_of_all_trials() -> None:
    config = resolve_trial(make_profile(), {"method.name": "simclr"})
    assert (config.method.temperature, config.train.learning_rate, config.model.bn_groups) == (0.4, 0.1, 1)  # type: ignore[attr-defined]
    assert config.train.epochs == 2


def test_another_method_is_trained_without_them() -> None:
    assert resolve_trial(make_profile(), {}) == TrialConfig.model_validate(TRIAL)


def test_settings_of_a_cell_and_of_a_user_win() -> None:
    settings = {"train.learning_rate": 0.5, "method.name": "simclr"}
    assert resolve_trial(make_profile(), settings).train.learning_rate == 0.5


def test_they_hold_for_the_profiles_own_method_too() -> None:
    config = resolve_trial(make_profile(moco={"method.temperature": 0.3, "method.queue_size": "2x"}), {})
    assert (config.method.temperature, config.method.queue_size, config.method.key_momentum) == (0.3, 512, 0.9)  # type: ignore[attr-defined]


def test_a_relative_setting_multiplies_the_methods_number() -> None:
    doubled = {"train.learning_rate": "2x", "method.temperature": "2x"}
    config = resolve_trial(make_profile(), {"method.name": "simclr", **doubled})
    assert (config.train.learning_rate, config.method.temperature) == (0.2, 0.8)  # type: ignore[attr-defined]
    config = resolve_trial(make_profile(simclr={"train.learning_rate": "3x"}), {"method.name": "simclr", **doubled})
    assert config.train.learning_rate == pytest.approx(0.18)


def test_a_relative_setting_multiplies_the_default_of_its_method() -> None:
    config = resolve_trial(make_profile(moco={}), {"method.name": "simclr", "method.temperature": "2x"})
    assert config.method.temperature == 2 * 0.5  # type: ignore[attr-defined]


def test_the_order_holds_in_an_experiment_and_a_single_trial() -> None:
    study = load_study("partner", "digits", overrides={"train.learning_rate": 0.2})
    assert {cell.config.train.learning_rate for cell in study.cells} == {0.2}
    assert {cell.config.model.bn_groups for cell in study.cells} == {1}
    [cell] = single_trial_study("digits", load_profile("digits"), 0, {"method.name": "simclr"}).cells
    assert (cell.config.train.learning_rate, cell.config.model.bn_groups) == (1.0, 1)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("methods:\n  simcrl: {}", 5, "a method must be known, but got 'simcrl'. Did you mean 'simclr'?"),
        ("methods:\n  simclr:\n    method.temprature: 1", 6, "a setting must be known, but got 'method.temprature'."),
        (
            "methods:\n  simclr:\n    train.epochs: 3\n    method.queue_size: 64",
            7,
            "method.queue_size is not a known key",
        ),
        ("methods:\n  simclr:\n    train.epochs: 0", 6, "train.epochs: Input should be greater than or equal to 1"),
        ("methods:\n  simclr:\n    model.bn_groups: 3", 5, "train.batch_size must be a multiple of model.bn_groups"),
        ("methods:\n  simclr:\n    method.name: moco", 6, "settings for a method must leave its name, the seed and"),
        ("methods:\n  simclr:\n    seed: 1", 6, "settings for a method must leave its name, the seed and the data"),
        ("methods:\n  simclr:\n    data.name: cifar10", 6, "settings for a method must leave its name, the seed and"),
        ("methods:\n  simclr: 1", 5, "methods.simclr: Input should be a valid dictionary, but got 1."),
        ("methods: [simclr]", 4, "methods: Input should be a valid dictionary"),
    ],
)
def test_messages_name_file_and_line(text: str, line: int, message: str, write_experiment: object) -> None:
    path = experiments_folder() / "profiles" / "odd.yaml"
    path.write_text(f"description: d\nmetric: probe/top1\nprotocol: p\n{text}\n")
    with pytest.raises(ConfigError, match=rf"odd\.yaml:{line}: .*{re.escape(message)}"):
        load_profile("odd")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("methods", "is_good"),
    [
        (METHODS, True),
        ({"moco": {"method.queue_size": "2x"}}, True),
        ({"simcrl": {}}, False),
        ({"simclr": {"train.epoch": 1}}, False),
        ({"simclr": {"train.epochs": 0}}, False),
        ({"simclr": {"method.name": "simclr"}}, False),
        ({"simclr": {"data.image_size": 8}}, False),
        ({"simclr": {"train": {"epochs": 1}}}, False),
    ],
    ids=str,
)
def test_the_schema_takes_and_refuses_what_the_loader_does(
    methods: dict[str, Any], is_good: bool, write_experiment: object
) -> None:
    content = {"description": "", "metric": "probe/top1", "protocol": "", "methods": methods}
    (experiments_folder() / "profiles" / "mine.yaml").write_text(yaml.safe_dump(content))
    found = list(Draft202012Validator(json_schemas()["profile"]).iter_errors(content))
    assert (found == []) is is_good, json.dumps([error.message for error in found])
    if is_good:
        load_profile("mine")
        return
    with pytest.raises(ConfigError, match=r"mine\.yaml:\d"):
        load_profile("mine")
