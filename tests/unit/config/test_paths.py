"""Settings that are paths mean the same file in every process, and are taken literally."""

import os
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import ValidationError

from ftlab.config.experiment import ProfileConfig
from ftlab.config.loading import parse_overrides, resolve_trial
from ftlab.config.sections.data_section import DataConfig
from ftlab.config.sections.trial_section import TrialSection
from ftlab.config.setting import Trait
from ftlab.config.trial import TrialConfig, settings_with
from ftlab.errors import ConfigError
from ftlab.study.identity import trial_key
from ftlab.study.overrides import overrides_suffix

PATHS = settings_with(Trait.PATH)
LITERAL = [
    "/x/run #2",
    "pics",
    "./pics/..",
    "2024",
    "1e3",
    "0x10",
    "010",
    "2x",
    "null",
    "yes",
    "off",
    "a: b",
    "[a, b]",
    "{a: b}",
    "[a",
    "- a",
    "*a",
    "&a b",
    "!!int 3",
    "%TAG",
    "'quoted'",
    '"quoted"',
    "@eaDir",
    "`x`",
    "2026-13-45",
    " leading and trailing ",
    "tab\tin it",
    "a=b",
    "caf\u00e9",
]


@pytest.fixture(autouse=True)
def _work_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def resolve(profile: ProfileConfig, assignments: list[str]) -> TrialConfig:
    return resolve_trial(profile, parse_overrides(["data.name=folder", *assignments]))


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("text", LITERAL)
def test_a_path_is_taken_literally_and_made_absolute(
    profile: ProfileConfig, tmp_path: Path, name: str, text: str
) -> None:
    assert parse_overrides([f"{name}={text}"]) == {name: text}
    config = resolve(profile, [f"{name}={text}"])
    assert getattr(config.data, name.removeprefix("data.")) == str(tmp_path / text)


@pytest.mark.parametrize("name", PATHS)
def test_an_empty_path_is_none(profile: ProfileConfig, name: str) -> None:
    assert getattr(resolve(profile, [f"{name}="]).data, name.removeprefix("data.")) is None


def test_other_settings_are_yaml_as_ever() -> None:
    assert parse_overrides(["train.epochs=5 # five", "views.size=null"]) == {"train.epochs": 5, "views.size": None}


def test_a_path_of_a_profile_is_made_absolute(tiny_profile: dict[str, Any], tmp_path: Path) -> None:
    trial = {**tiny_profile["trial"], "data": {"name": "folder", "root": "pics", "class_list": "lists/classes.txt"}}
    data = resolve_trial(ProfileConfig.model_validate({**tiny_profile, "trial": trial}), {}).data
    assert (data.root, data.class_list) == (f"{tmp_path}/pics", f"{tmp_path}/lists/classes.txt")


def test_an_absolute_path_stays_where_it_led_when_a_worker_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataConfig(name="folder", root="pics")
    monkeypatch.chdir("/")
    assert DataConfig.model_validate(data.model_dump()) == data


def test_a_home_is_that_of_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert DataConfig(name="folder", root="~/pics").root == "/home/ann/pics"


def test_a_user_who_does_not_exist_is_named(profile: ProfileConfig) -> None:
    with pytest.raises(ConfigError, match=r"root must lead to a file, but got '~nobody-of-that-name/x'"):
        resolve(profile, ["data.root=~nobody-of-that-name/x"])


def test_a_working_folder_that_was_deleted_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        with pytest.raises(ValidationError, match="root must lead to a file, but got 'pics'"):
            DataConfig(name="folder", root="pics")
    finally:
        os.chdir(tmp_path)


@pytest.mark.parametrize("value", [3, True, ["a"], {"a": 1}])
def test_what_is_no_text_is_refused_as_before(value: object) -> None:
    with pytest.raises(ValidationError, match="valid string"):
        DataConfig.model_validate({"name": "folder", "root": value})


def test_a_section_of_another_package_gets_it_by_the_trait(tmp_path: Path) -> None:
    class Section(TrialSection):
        prototypes: Annotated[str, Trait.PATH] = "none"
        label: str = "none"

    made = Section(prototypes="a.npy", label="a.npy")
    assert (made.prototypes, made.label) == (f"{tmp_path}/a.npy", "a.npy")


@pytest.mark.parametrize("root", ["pics", "/elsewhere/pics"])
def test_names_and_keys_stay(profile: ProfileConfig, root: str) -> None:
    overrides = parse_overrides([f"data.root={root}"])
    assert overrides_suffix(overrides) == "+data.root=pics"
    config, without = resolve(profile, [f"data.root={root}"]), resolve(profile, [])
    assert trial_key(config, "f00d") == trial_key(without, "f00d")


@pytest.mark.parametrize("value", [8193, 10**6, 10**12, 10**300, 3, 0, -8])
@pytest.mark.parametrize("name", ["data.image_size", "views.size"])
def test_an_absurd_size_is_refused(profile: ProfileConfig, name: str, value: int) -> None:
    with pytest.raises(ConfigError, match=rf"{name}: .*(greater|less) than or equal to"):
        resolve_trial(profile, {name: value})
