"""The schemas that editors complete and check YAML files by know every setting, and refuse what the loader refuses."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ftlab.config.experiment import ExperimentConfig, ProfileConfig
from ftlab.config.json_schemas import json_schemas
from ftlab.config.loading import parse_overrides, resolve_trial
from ftlab.config.search import SearchConfig
from ftlab.config.trial import setting_fields
from ftlab.config.yaml_text import read_yaml
from ftlab.errors import ConfigError
from ftlab.search.scope import resolve_search
from ftlab.study.spec import resolve_study

FOLDER = Path(__file__).parents[3] / "experiments"
SCHEMAS = json_schemas()
PROFILE: dict[str, Any] = {"description": "", "metric": "probe/top1", "protocol": ""}


def problems(kind: str, content: object) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMAS[kind]).iter_errors(content)]


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_schema_is_one(kind: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[kind])


@pytest.mark.parametrize("path", [*FOLDER.glob("*.yaml"), *FOLDER.glob("profiles/*.yaml")], ids=lambda path: path.stem)
def test_a_shipped_file_is_as_its_schema_says(path: Path) -> None:
    content = read_yaml(path).content
    kind = "profile" if path.parent.name == "profiles" else "search" if "space" in content else "experiment"
    assert problems(kind, content) == []


def test_every_setting_stands_where_it_may_be_set() -> None:
    settings = set(setting_fields()) - {"seed"}
    of_a_cell = {name for name in settings if not name.startswith("data.")}
    for kind, axes in (("experiment", "grid"), ("search", "space")):
        schema = SCHEMAS[kind]
        assert set(schema["properties"]["overrides"]["properties"]) == settings
        assert set(schema["properties"][axes]["properties"]) == of_a_cell
        assert set(schema["$defs"]["NamedCell"]["properties"]["set"]["properties"]) == of_a_cell
    sections = SCHEMAS["profile"]["properties"]["trial"]["properties"]
    held = {
        f"{section}.{key}"
        for section, schema in sections.items()
        # A section that is one of several has the settings of all.
        for branch in schema.get("oneOf", [schema])
        for key in SCHEMAS["profile"]["$defs"][branch["$ref"].rpartition("/")[2]]["properties"]
    }
    assert held == settings


def test_every_setting_is_described() -> None:
    for name in set(setting_fields()) - {"seed"}:
        assert setting_fields()[name].description
        assert SCHEMAS["experiment"]["$defs"][name]["description"]


GOOD_SETTINGS: list[dict[str, Any]] = [
    {"train.epochs": 5, "train.batch_size": "0.5x", "train.learning_rate": 1},
    {"transform.start": "never", "transform.positives": "none"},
    {"transform.positives": "extrapolate", "transform.lambda_extrapolation": [1, 1.5], "transform.start": "0.5x"},
    {"transform.positives": "extrapolate", "transform.lambda_extrapolation": None},
    {"probe.linear_learning_rates": [0.1, 1.0, 3.0], "views.size": None},
]
BAD_SETTINGS: list[dict[str, Any]] = [
    {"train.epoch": 5},
    {"train": {"epochs": 5}},
    {"train.epochs": 0},
    {"train.epochs": 2.5},
    {"train.epochs": "2y"},
    {"train.epochs": None},
    {"train.precision": "float16"},
    {"train.compile": "2x"},
    {"method.key_momentum": 1.5},
    {"transform.start": "always"},
    {"transform.lambda_interpolation": [0.1]},
    {"probe.linear_learning_rates": []},
    {"seed": 1},
]


def load_experiment(content: dict[str, Any]) -> None:
    profile = ProfileConfig.model_validate(PROFILE)
    resolve_study("exp", ExperimentConfig.model_validate(content), "tiny", profile)


def load_search(content: dict[str, Any]) -> None:
    profile = ProfileConfig.model_validate(PROFILE)
    resolve_search("exp", SearchConfig.model_validate(content), "tiny", profile)


def experiment(**fields: Any) -> dict[str, Any]:
    return {"question": "?", "cells": [{"name": "a"}], **fields}


def search(**fields: Any) -> dict[str, Any]:
    return {"question": "?", "space": {"method.temperature": {"kind": "choice", "choices": [0.1, 0.2]}}, **fields}


@pytest.mark.parametrize("settings", GOOD_SETTINGS, ids=str)
def test_what_the_loader_takes_the_schema_takes(settings: dict[str, Any]) -> None:
    for content in (
        experiment(overrides=settings),
        experiment(cells=[{"name": "a", "set": settings}]),
        experiment(grid={name: [value] for name, value in settings.items()}),
    ):
        load_experiment(content)
        assert problems("experiment", content) == []
    load_search(search(overrides=settings))
    assert problems("search", search(overrides=settings)) == []


@pytest.mark.parametrize("settings", [*BAD_SETTINGS, {"data.class_list": 3}], ids=str)
def test_overrides_that_the_loader_refuses_the_schema_refuses(settings: dict[str, Any]) -> None:
    with pytest.raises((ConfigError, ValueError)):
        load_experiment(experiment(overrides=settings))
    assert problems("experiment", experiment(overrides=settings))
    assert problems("search", search(overrides=settings))


@pytest.mark.parametrize("settings", [*BAD_SETTINGS, {"data.image_size": 16}], ids=str)
def test_cells_that_the_loader_refuses_the_schema_refuses(settings: dict[str, Any]) -> None:
    cells = experiment(cells=[{"name": "a", "set": settings}])
    grid = experiment(grid={name: [value] for name, value in settings.items()})
    for content in (cells, grid):
        with pytest.raises((ConfigError, ValueError)):
            load_experiment(content)
        assert problems("experiment", content)
    assert problems("search", search(enqueue=[{"name": "a", "set": settings}]))


@pytest.mark.parametrize("values", [[], 0.9, "0.9", {"low": 0.9}], ids=str)
def test_an_axis_is_a_list_of_values(values: object) -> None:
    content = experiment(grid={"method.key_momentum": values})
    with pytest.raises(ValueError, match=r"grid|axis"):
        load_experiment(content)
    assert problems("experiment", content)


@pytest.mark.parametrize(
    "space",
    [
        {"method.temperatur": {"kind": "float", "low": 0.1, "high": 0.2}},
        {"data.image_size": {"kind": "int", "low": 8, "high": 9}},
        {"seed": {"kind": "int", "low": 1, "high": 9}},
        {"method.temperature": {"kind": "range", "within": [0.1, 0.9], "width": [0.1, 0.2]}},
        {"transform.positives": {"kind": "float", "low": 0.1, "high": 0.2}},
        {"transform.positives": {"kind": "choice", "choices": ["none", "interpolated"]}},
        {"train.epochs": {"kind": "choice", "choices": ["1x", "two"]}},
        {"train.epochs": {"kind": "whole", "low": 1, "high": 3}},
        {},
    ],
    ids=str,
)
def test_a_space_that_the_loader_refuses_the_schema_refuses(space: dict[str, Any]) -> None:
    with pytest.raises((ConfigError, ValueError)):
        load_search(search(space=space))
    assert problems("search", search(space=space))


@pytest.mark.parametrize(
    "space",
    [
        {"train.epochs": {"kind": "choice", "choices": ["0.5x", 100]}},
        {"train.epochs": {"kind": "int", "low": 1, "high": 3}},
        {
            "transform.positives": {"kind": "choice", "choices": ["none", "extrapolate"]},
            "transform.lambda_extrapolation": {"kind": "range", "within": [1, 3], "width": [0.1, 2]},
            "transform.start": {"kind": "choice", "choices": ["never", 0.5]},
        },
    ],
    ids=str,
)
def test_a_space_that_the_loader_takes_the_schema_takes(space: dict[str, Any]) -> None:
    load_search(search(space=space))
    assert problems("search", search(space=space)) == []


@pytest.mark.parametrize(
    "trial",
    [
        {"trains": {"epochs": 3}},
        {"train": {"epoch": 3}},
        {"train": {"epochs": "2x"}},
        {"train.epochs": 3},
        {"model": {"backbone": "resnet19"}},
        {"seed": 3},
    ],
    ids=str,
)
def test_a_profile_that_the_loader_refuses_the_schema_refuses(trial: dict[str, Any]) -> None:
    with pytest.raises((ConfigError, ValueError)):
        resolve_trial(ProfileConfig.model_validate({**PROFILE, "trial": trial}), {})
    assert problems("profile", {**PROFILE, "trial": trial})


def unbounded(schema: Any, name: str = "") -> list[str]:
    """Return the names of numbers that lack a bound."""
    if isinstance(schema, list):
        return [found for part in schema for found in unbounded(part, name)]
    if not isinstance(schema, dict):
        return []
    found = []
    if schema.get("type") in ("number", "integer"):
        low, high = ({"minimum", "exclusiveMinimum"} & schema.keys(), {"maximum", "exclusiveMaximum"} & schema.keys())
        found = [] if low and high else [name]
    return found + [part for key, value in schema.items() for part in unbounded(value, f"{name}.{key}")]


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_number_has_both_bounds(kind: str) -> None:
    # The settings of a cell are checked once more in their trial; published and free values are texts of people.
    free = ("NamedCell", ".set", ".overrides", ".grid", ".choices")
    assert [name for name in unbounded(SCHEMAS[kind]) if not any(part in name for part in free)] == []


@pytest.mark.parametrize(
    "assignment",
    [
        "probe.linear_learning_rates=[0]",
        "probe.linear_learning_rates=[-1, 1]",
        "method.temperature=1e-320",
        "probe.knn_temperature=1e300",
        "train.learning_rate=1e308",
        "train.learning_rate=5e-324",
        "train.weight_decay=1e300",
        "train.warmup_epochs=1000000000000",
        f"probe.every={'9' * 90}",
        f"method.queue_size={'9' * 90}",
        "transform.lambda_extrapolation=[1, 1e40]",
        "transform.alpha_extrapolation=1e-300",
        "model.feature_dim=10000000000",
    ],
)
def test_a_value_out_of_reason_is_refused(assignment: str) -> None:
    profile = ProfileConfig(description="", metric="probe/top1", protocol="")
    with pytest.raises(ConfigError, match=r"Input should be (greater|less) than or equal to"):
        resolve_trial(profile, {"transform.positives": "extrapolate", **parse_overrides([assignment])})
