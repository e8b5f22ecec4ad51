from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ftlab.config.experiment import ProfileConfig
from ftlab.config.loading import (
    experiments_folder,
    flatten,
    load_experiment,
    load_profile,
    parse_overrides,
    resolve_trial,
    shipped_experiments,
)
from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError

WriteExperiment = Callable[..., None]


def make_profile(**trial: dict[str, Any]) -> ProfileConfig:
    return ProfileConfig(description="", metric="probe/top1", protocol="", trial=trial)


def test_overrides_are_read_as_yaml() -> None:
    assignments = ["a=5", "b=0.5", "c=never", "d=true", "e=[1, 1.5]", "f=", "g=x=y"]
    expected = {"a": 5, "b": 0.5, "c": "never", "d": True, "e": [1, 1.5], "f": None, "g": "x=y"}
    assert parse_overrides(assignments) == expected


@pytest.mark.parametrize(("text", "number"), [("5e-4", 5e-4), ("1E5", 1e5), ("1e+3", 1e3), ("-2e1", -20.0)])
def test_numbers_that_yaml_leaves_as_text_are_numbers(text: str, number: float) -> None:
    assert parse_overrides([f"train.weight_decay={text}"]) == {"train.weight_decay": number}


@pytest.mark.parametrize("assignment", ["train.epochs", "=5", ""])
def test_an_override_needs_a_name_and_a_value(assignment: str) -> None:
    with pytest.raises(ConfigError, match=r"an override must read name=value, but got .*; e.g. train.epochs=5"):
        parse_overrides([assignment])


def test_an_override_that_is_no_yaml_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"the value of an override must be YAML, but got 'a=\[1'"):
        parse_overrides(["a=[1"])


def test_settings_lie_over_the_profile() -> None:
    profile = make_profile(train={"epochs": 7, "batch_size": 64})
    config = resolve_trial(profile, {"train.epochs": 3, "method.key_momentum": 0.5, "seed": 4})
    assert (config.train.epochs, config.train.batch_size) == (3, 64)
    assert (config.method.key_momentum, config.seed) == (0.5, 4)
    assert profile.trial == {"train": {"epochs": 7, "batch_size": 64}}


@pytest.mark.parametrize(
    ("trial", "factor", "expected"),
    [
        ({"method": {"queue_size": 2048}}, "2x", 4096),
        ({"method": {"queue_size": 2048}}, "0.5x", 1024),
        ({"method": {"queue_size": 2048}}, "1.5x", 3072),
        ({}, "2x", 2 * TrialConfig().method.queue_size),
    ],
)
def test_a_relative_setting_multiplies_what_the_profile_gives(
    trial: dict[str, dict[str, Any]], factor: str, expected: int
) -> None:
    assert resolve_trial(make_profile(**trial), {"method.queue_size": factor}).method.queue_size == expected


def test_a_relative_setting_needs_a_number_to_multiply() -> None:
    with pytest.raises(ConfigError, match=r"model.head=2x multiplies the profile's number, but the profile gives"):
        resolve_trial(make_profile(), {"model.head": "2x"})


def test_a_relative_setting_that_is_no_whole_number_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"train.epochs: .* integer.*, but got 2.5"):
        resolve_trial(make_profile(train={"epochs": 5}), {"train.epochs": "0.5x"})


def test_an_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"but got 'method.momentum'. Did you mean 'method.key_momentum'\?"):
        resolve_trial(make_profile(), {"method.momentum": 0.9})


def test_a_section_is_not_a_setting() -> None:
    with pytest.raises(ConfigError, match=r"a setting must be known, but got 'train'. .*train.epochs"):
        resolve_trial(make_profile(), {"train": 5})


def test_a_value_out_of_range_is_named() -> None:
    with pytest.raises(ConfigError, match=r"settings: method.key_momentum: .* less than or equal to 1, but got 1.5"):
        resolve_trial(make_profile(), {"method.key_momentum": 1.5})


def test_a_choice_names_the_choices() -> None:
    with pytest.raises(ConfigError, match=r"model.head: Input should be 'linear' or 'mlp', but got 'mpl'"):
        resolve_trial(make_profile(), {"model.head": "mpl"})


def test_a_setting_of_two_kinds_is_named_by_its_own_name() -> None:
    with pytest.raises(ConfigError) as error:
        resolve_trial(make_profile(), {"transform.start": "nevr"})
    assert str(error.value) == "settings: transform.start must be a number or 'never', but got the text 'nevr'."


def test_every_broken_setting_is_named_at_once() -> None:
    with pytest.raises(ConfigError, match=r"(?s)train.epochs.*\n.*method.temperature|method.temperature.*\n.*train"):
        resolve_trial(make_profile(), {"train.epochs": 0, "method.temperature": 0})


def test_a_flat_trial_resolves_to_itself() -> None:
    flat = flatten(TrialConfig(seed=3))
    assert resolve_trial(make_profile(), flat) == TrialConfig(seed=3)


def test_an_unknown_key_of_a_file_names_the_nearest(write_experiment: WriteExperiment) -> None:
    write_experiment("typo", grid={"method.key_momentum": [0.9]}, baselin="x")
    with pytest.raises(ConfigError, match=r"typo.yaml:1: baselin is not a known key. Did you mean 'baseline'\?"):
        load_experiment("typo")


def test_an_unknown_key_of_a_cell_names_the_nearest(write_experiment: WriteExperiment) -> None:
    write_experiment("typo", cells=[{"name": "one", "sets": {}}])
    with pytest.raises(ConfigError, match=r"cells.0.sets is not a known key. Did you mean 'set'\?"):
        load_experiment("typo")


@pytest.mark.parametrize(
    ("trial", "message"),
    [
        ({"train": {"epoch": 5}}, r"train.epoch is not a known key. Did you mean 'epochs'\?"),
        ({"trian": {"epochs": 5}}, r"trian is not a known key. Did you mean 'train'\?"),
    ],
)
def test_an_unknown_key_of_a_profile_names_the_nearest(trial: dict[str, dict[str, Any]], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        resolve_trial(make_profile(**trial), {})


@pytest.mark.parametrize("section", [5, None, "small"])
def test_a_section_of_a_profile_is_a_mapping(section: object, write_experiment: WriteExperiment) -> None:
    content = {"description": "", "metric": "probe/top1", "protocol": "", "trial": {"train": section}}
    (experiments_folder() / "profiles" / "odd.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=r"odd.yaml:5: trial.train: Input should be a valid dictionary"):
        load_profile("odd")


def test_a_file_that_is_missing_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"experiment must be a file in .*, but got 'momentm'. Did you mean 'mome"):
        load_experiment("momentm")
    with pytest.raises(ConfigError, match=r"profile must be a file in .*, but got 'cifar'. Did you mean 'cifar10'"):
        load_profile("cifar")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("question: [", r"broken.yaml:1 must be YAML"),
        ("- question", r"broken.yaml must hold a mapping, but got list"),
        ("", r"broken.yaml must hold a mapping, but got NoneType"),
        ("seeds: 2", r"broken.yaml:1: question: Field required"),
        ("question: q\nseeds: 2", r"broken.yaml:1: an experiment needs a grid or cells, but got neither"),
        (
            "question: q\nseeds: many\ncells: [{name: a}]",
            r"broken.yaml:2: seeds must be a whole number, but got the text 'many'",
        ),
    ],
)
def test_a_broken_file_is_named(text: str, message: str, write_experiment: WriteExperiment) -> None:
    (experiments_folder() / "broken.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_experiment("broken")


def test_the_folder_of_experiments_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert (experiments_folder() / "momentum.yaml").is_file()
    monkeypatch.setenv("FTLAB_EXPERIMENTS", str(tmp_path))
    assert experiments_folder() == tmp_path


def test_a_project_in_the_working_folder_has_its_own_experiments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FTLAB_EXPERIMENTS", raising=False)
    (tmp_path / "experiments").mkdir()
    assert experiments_folder() == shipped_experiments()  # a folder of that name alone is no project
    (tmp_path / "experiments" / "profiles").mkdir()
    assert experiments_folder() == tmp_path / "experiments"
