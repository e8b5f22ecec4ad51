"""Grids with axes of levels and with combinations that are left out."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ftlab.config.json_schemas import json_schemas
from ftlab.config.loading import experiments_folder
from ftlab.errors import ConfigError
from ftlab.reporting.table.baselines import GroupBaselines
from ftlab.study.identity import cell_key
from ftlab.study.spec import StudySpec, axis_values, load_study

MakeStudy = Callable[..., StudySpec]

FT: dict[str, dict[str, Any]] = {
    "none": {},
    "positives": {"transform.positives": "extrapolate"},
    "negatives": {"transform.negatives": "interpolate"},
}
METHODS = ["moco", "simclr"]


def test_a_level_stands_for_its_settings(make_study: MakeStudy) -> None:
    study = make_study(grid={"method.name": METHODS, "FT": FT})
    assert study.axes == ("method.name", "FT")
    assert [cell.name for cell in study.cells] == [f"name={method} FT={part}" for method in METHODS for part in FT]
    assert [dict(axis_values(study, cell)) for cell in study.cells[:2]] == [
        {"method.name": "moco", "FT": "none"},
        {"method.name": "moco", "FT": "positives"},
    ]
    config = study.cells[5].config
    assert (config.method.name, config.transform.positives, config.transform.negatives) == (
        "simclr",
        "none",
        "interpolate",
    )


def test_a_cell_has_the_key_of_its_settings(make_study: MakeStudy) -> None:
    by_level = make_study(grid={"method.name": METHODS, "FT": FT}).cells[1]
    by_name = make_study(cells=[{"name": "a", "set": FT["positives"]}]).cells[0]
    assert cell_key(by_level.config, "data") == cell_key(by_name.config, "data")


def test_what_is_left_out_is_no_cell(make_study: MakeStudy) -> None:
    without = [{"method.name": "simclr", "FT": "negatives"}, {"FT": "positives"}]
    study = make_study(grid={"method.name": METHODS, "FT": FT}, without=without)
    names = ["name=moco FT=none", "name=moco FT=negatives", "name=simclr FT=none"]
    assert [cell.name for cell in study.cells] == names


def test_a_grid_of_values_may_leave_out_too(make_study: MakeStudy) -> None:
    grid = {"train.epochs": [2, 3], "transform.lambda_extrapolation": [[1, 2], [1, 3]]}
    overrides = {"transform.positives": "extrapolate"}
    study = make_study(
        grid=grid, overrides=overrides, without=[{"train.epochs": 3, "transform.lambda_extrapolation": [1, 3]}]
    )
    assert len(study.cells) == 3


def test_each_group_has_its_own_baseline(make_study: MakeStudy) -> None:
    study = make_study(grid={"method.name": METHODS, "FT": FT}, baseline={"within": "method.name", "cell": "none"})
    assert study.baseline == GroupBaselines(
        "method.name", {"moco": "name=moco FT=none", "simclr": "name=simclr FT=none"}
    )
    levels = {method: {"method.name": method} for method in METHODS}
    study = make_study(grid={"trained": levels, "FT": FT}, baseline={"within": "trained", "cell": "none"})
    assert study.baselines["trained=simclr FT=negatives"] == "trained=simclr FT=none"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (
            "grid: {train.epochs: {a: {}}}",
            2,
            "an axis of levels must have a name of its own, without a dot, but got '",
        ),
        ("grid: {ft.part: {a: {}}}", 2, "an axis of levels must have a name of its own, without a dot, but got '"),
        ("grid: {cell: {a: {}}}", 2, "an axis of levels must have a name of its own, without a dot, but got 'cell'"),
        ("grid: {seed: {a: {}}}", 2, "an axis of levels must have a name of its own, without a dot, but got 'seed'"),
        ("grid: {FT: {}}", 1, "each axis of the grid needs at least one value, but got none for 'FT'"),
        ("grid: {FT: {a: 1}}", 2, "grid.FT.a: Input should be a valid dictionary, but got 1"),
        ("grid:\n  FT:\n    a: {}\n    b:\n      train.epochs: 0", 6, "train.epochs: Input should be greater"),
        ("grid:\n  FT:\n    a: {}\n    b: {train.epoch: 2}", 5, "a setting must be known, but got 'train.epoch'"),
        ("grid:\n  FT: {a: {}, b: {seed: 1}}", 2, "seed cannot be an axis"),
        ("grid:\n  FT: {a: {}, b: {data.image_size: 4}}", 2, "cells share their data"),
        ("grid:\n  FT: {a: {}, b: {}}", 2, "rows of a grid must differ, but 'FT=a' and 'FT=b' have the same settings"),
        (
            "grid:\n  train.epochs: [2, 3]\n  FT: {a: {train.epochs: 4}}",
            4,
            "a setting must lie on one axis of the grid, but 'train.epochs' lies on 'train.epochs' and 'FT'",
        ),
        (
            "grid: {FT: {a: {}, b: {transform.alpha_interpolation: 2.0}}}",
            2,
            "a setting must have an effect, but 'transform.alpha_interpolation' has none in cell 'FT=b'",
        ),
        (
            "grid: {train.epochs: [2, 3]}\nwithout:\n- {train.epochs: 4}",
            4,
            "what is left out must be a value of 'train.epochs', but got 4. Choices: 2, 3.",
        ),
        (
            "grid: {train.epochs: [2, 3]}\nwithout:\n- {train.epoch: 3}",
            4,
            "what is left out must name axes of the grid, but got 'train.epoch'. Did you mean 'train.epochs'?",
        ),
        ("grid: {FT: {a: {}}}\nwithout: [{FT: [1.0]}]", 3, "what is left out must be a value of 'FT', but got [1.0]"),
        ("grid: {train.epochs: [2, 3]}\nwithout:\n- {}", 4, "what is left out must name values of the grid"),
        ("cells: [{name: a}]\nwithout: [{train.epochs: 3}]", 3, "what is left out must name axes of the grid"),
        ("grid: {train.epochs: [2]}\nwithout:\n- {train.epochs: 2}", 3, "an experiment needs a row, but all are left"),
    ],
)
def test_messages_name_file_and_line(text: str, line: int, message: str, write_experiment: object) -> None:
    (experiments_folder() / "odd.yaml").write_text(f"question: q\n{text}\n")
    with pytest.raises(ConfigError, match=rf"odd\.yaml:{line}: {re.escape(message)}"):
        load_study("odd", "tiny")


def test_an_override_is_no_setting_of_a_level(make_study: MakeStudy) -> None:
    with pytest.raises(ConfigError, match=r"must not be an axis of the experiment, but got 'transform.positives'"):
        make_study(grid={"FT": FT}, overrides={"transform.positives": "none"})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "is_good"),
    [
        ({"grid": {"method.name": METHODS, "FT": FT}, "without": [{"method.name": "simclr", "FT": "none"}]}, True),
        ({"grid": {"FT": {"a": {"train.epoch": 1}}}}, False),
        ({"grid": {"FT": {"a": {"data.image_size": 1}}}}, False),
        ({"grid": {"FT": ["a"]}}, False),
        ({"grid": {"FT": {}}}, False),
        ({"grid": {"FT": {"a": {}}}, "without": [{"FT": 1}]}, False),
        ({"grid": {"FT": {"a": {}}}, "without": [{}]}, False),
        ({"grid": {"FT": {"a": {}}}, "without": {"FT": "a"}}, False),
    ],
    ids=str,
)
def test_the_schema_takes_and_refuses_what_the_loader_does(
    fields: dict[str, Any], is_good: bool, make_study: MakeStudy
) -> None:
    found = list(Draft202012Validator(json_schemas()["experiment"]).iter_errors({"question": "?", **fields}))
    assert (found == []) is is_good
    if is_good:
        assert make_study(**fields).cells
        return
    with pytest.raises((ConfigError, ValueError)):
        make_study(**fields)
