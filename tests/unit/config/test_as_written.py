"""What a person reads in a file or an override is what is trained."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from ftlab.config.experiment import ProfileConfig
from ftlab.config.loading import (
    experiments_folder,
    load_experiment,
    load_profile,
    load_search,
    parse_overrides,
    resolve_trial,
)
from ftlab.config.yaml_text import parse_yaml
from ftlab.errors import ConfigError
from ftlab.study.spec import load_study

WriteExperiment = Callable[..., None]
PROFILE = ProfileConfig(description="", metric="probe/top1", protocol="")


def resolved(*assignments: str) -> dict[str, Any]:
    return resolve_trial(PROFILE, parse_overrides(assignments)).effective()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1e1", 10.0),
        ("1E-3", 0.001),
        (".5", 0.5),
        ("+5", 5),
        ("-0.0", 0.0),
        ("1:40", "1:40"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("TRUE", True),
        ("2026-11-27", "2026-11-27"),
        ("=", "="),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("!!float 5", 5.0),
        ("~", None),
        ("", None),
    ],
)
def test_a_scalar_is_what_yaml_1_2_says(text: str, value: object) -> None:
    found = parse_yaml(text, "it")
    assert (found, type(found)) == (value, type(value))
    assert str(found) == str(value)  # the sign of zero too


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2",
        "{b: {a: 1, a: 1}}",
        "- {a: 1, 'a': 2}",
        "a: 1\nb: 2\n? a\n: 3",
        "base: &base {a: 1}\nmore: {<<: *base, <<: *base}",
        "{1: a}",
        "{true: a}",
        "{~: a}",
        "{[a]: b}",
        "{{a: 1}: b}",
    ],
)
def test_a_key_is_a_text_and_given_once(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^it:\d+ must be YAML: a key must be"):
        parse_yaml(text, "it")


@pytest.mark.parametrize(
    "text",
    [
        "!!bool maybe",
        "!!timestamp foo",
        "!!int 1.5",
        "!!float x",
        "!!null x",
        "!!binary '*'",
        "!!set {a}",
        "!!omap [a]",
        "!!int {=: 3}",
        "!!str [a]",
        "!!map [a]",
        "!own x",
        "x: *nowhere",
        "1e999",
    ],
)
def test_what_no_reader_can_read_is_named_with_its_line(text: str, write_experiment: WriteExperiment) -> None:
    (experiments_folder() / "odd.yaml").write_text(f"question: q\nseeds: {text}\n" if "*" not in text[:1] else text)
    with pytest.raises(ConfigError, match=r"odd\.yaml:2 must be YAML: "):
        load_experiment("odd")
    with pytest.raises(ConfigError, match="must be YAML"):
        parse_overrides([f"train.epochs={text}"])


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\ud800", "\ufffe"])
def test_a_character_that_no_text_holds_is_refused(character: str) -> None:
    with pytest.raises(ConfigError, match="it must be YAML: unacceptable character"):
        parse_yaml(f"a: {character}", "it")


def test_an_undefined_alias_is_named() -> None:
    with pytest.raises(ConfigError, match="it:1 must be YAML: found undefined alias 'nowhere'"):
        parse_yaml("a: *nowhere", "it")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("transform.start=[off]", "transform.start"),
        ("transform.start=off", "transform.start must be a number or 'never', but got the text 'off'"),
        ("transform.start=true", "transform.start must be a number or 'never', but got the value True"),
        ("train.epochs=true", "train.epochs must be a whole number, but got the value True"),
        ("train.epochs='5'", "train.epochs must be a whole number, but got the text '5'"),
        ("train.epochs=1:40", "train.epochs must be a whole number, but got the text '1:40'"),
        ("train.epochs=1.5", "train.epochs: Input should be a valid integer"),
        ("train.learning_rate='0.1'", "train.learning_rate must be a number, but got the text '0.1'"),
        ("train.channels_last=yes", "train.channels_last must be true or false, but got the text 'yes'"),
        ("train.channels_last=1", "train.channels_last must be true or false, but got the number 1"),
        (
            "probe.linear_learning_rates=[true, 1]",
            "probe.linear_learning_rates must be a number, but got the value True",
        ),
        (
            "transform.lambda_interpolation=['0', 1]",
            "transform.lambda_interpolation must be a number, but got the text '0'",
        ),
        ("data.name=5", "data.name: Input should be"),
    ],
)
def test_a_value_is_not_taken_for_one_of_another_kind(assignment: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^settings: {re.escape(message)}") as error:
        resolved(assignment)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("train.epochs=1e1", "train.epochs=10"),
        ("train.epochs=010", "train.epochs=10"),
        ("method.key_momentum=-0.0", "method.key_momentum=0"),
        ("train.learning_rate=3e-2", "train.learning_rate=0.03"),
        ("train.weight_decay=0", "train.weight_decay=0.0"),
    ],
)
def test_the_same_value_spelt_otherwise_is_the_same_setting(one: str, other: str) -> None:
    found, expected = resolved(one), resolved(other)
    assert found == expected
    assert list(map(repr, found.values())) == list(map(repr, expected.values()))


def test_an_override_is_given_once() -> None:
    with pytest.raises(ConfigError, match=r"'train.epochs' is twice: 'train.epochs=6' is the second"):
        parse_overrides(["train.epochs=5", "train.epochs=6"])


@pytest.mark.parametrize(
    "values", [[0.0, -0.0], [1, 1.0], [0.5, 5e-1], ["a", "a"], [[1, 2], [1.0, 2.0]], [True, True], [None, None]]
)
def test_an_axis_holds_each_value_once(values: list[Any], write_experiment: WriteExperiment) -> None:
    text = yaml.safe_dump({"question": "q", "grid": {"method.key_momentum": values}})
    (experiments_folder() / "twice.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"twice\.yaml:1: the values of an axis must differ, but 'method.key_mom"):
        load_experiment("twice")


@pytest.mark.parametrize("seeds", ["true", "'3'", "[3]", "3.5", "yes", "0", "99999999999"])
def test_seeds_are_a_whole_number(seeds: str, write_experiment: WriteExperiment) -> None:
    (experiments_folder() / "odd.yaml").write_text(f"question: q\ncells: [{{name: a}}]\nseeds: {seeds}\n")
    with pytest.raises(ConfigError, match=r"odd\.yaml:3: seeds"):
        load_experiment("odd")


def test_messages_about_a_profile_name_its_file_and_line(write_experiment: WriteExperiment) -> None:
    text = "description: d\nmetric: probe/top1\nprotocol: p\ntrial:\n  train:\n    epochs: 5\n    lerning_rate: 1\n"
    (experiments_folder() / "profiles" / "odd.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"odd\.yaml:7: trial\.train\.lerning_rate is not a known key\. Did you mean"):
        load_profile("odd")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("cells:\n- name: a\n- name: b\n  set:\n    train.epochs: 0", 6, "train.epochs: Input should be greater"),
        ("cells:\n- name: a\n- name: b\n  set: {train.epoch: 5}", 5, "a setting must be known, but got 'train.epoch'"),
        (
            "grid:\n  train.epochs: [1, 2]\n  method.key_momentum: [0.5, 2]",
            4,
            "method.key_momentum: Input should be less",
        ),
        ("cells: [{name: a}]\noverrides:\n  train.epochs: x", 4, "train.epochs must be a whole number"),
        ("cells:\n- name: a\n  set: {transform.alpha_interpolation: 2.0}", 4, "a setting must have an effect"),
        ("cells:\n- name: a\n- name: a", 4, "cells must have different names"),
        ("cells: [{name: a}]\nbaseline: b", 3, "baseline must name a cell"),
        ("cells: [{name: a}]\nbaseline: 5", 3, "baseline: Input should be a valid string, but got 5"),
        ("cells: [{name: a}]\nbaseline: [a]", 3, "baseline: Input should be a valid string"),
        ("cells: [{name: a}]\nbaseline: {within: train.epochs}", 3, "baseline.cell: Field required"),
        ("cells: [{name: a}]\nbaseline: {within: x, cell: a, of: 1}", 3, "baseline.of is not a known key"),
        ("cells: [{name: a}]\nbaseline: {within: train.epochs, cell: a}", 3, "within must be an axis of the cells"),
        ("grid: {train.epochs: [1, 2]}\nbaseline: {within: train.epochs, cell: a}", 3, "baseline must mean a cell of"),
        ("cells: [{name: a, set: {train.epochs: [a, 1]}}]", 2, "cells.0.set.train.epochs must be a text, a number"),
        ("cells: [{name: a, set: {train.epochs: {b: 1}}}]", 2, "cells.0.set.train.epochs must be a text, a number"),
    ],
)
def test_messages_about_an_experiment_name_its_file_and_line(
    text: str, line: int, message: str, write_experiment: WriteExperiment
) -> None:
    write_experiment("good", cells=[{"name": "a"}])
    (experiments_folder() / "odd.yaml").write_text(f"question: q\n{text}\n")
    with pytest.raises(ConfigError, match=rf"odd\.yaml:{line}: {re.escape(message)}") as error:
        load_study("odd", "tiny")
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("folder", "load", "kind"),
    [("", load_experiment, "experiment"), ("", load_search, "search"), ("profiles", load_profile, "profile")],
)
def test_a_file_that_ends_in_yml_is_hinted_at(
    folder: str, load: Callable[[str], object], kind: str, write_experiment: WriteExperiment
) -> None:
    (experiments_folder() / folder / "other.yml").write_text("question: q")
    with pytest.raises(ConfigError, match=rf"{kind} must be a file that ends in \.yaml, but got .*other\.yml; rename"):
        load("other")
