from collections.abc import Callable
from typing import Any

import pytest

from ftlab.config.loading import load_experiment, load_search
from ftlab.errors import ConfigError

WriteExperiment = Callable[..., None]

SPACE = {"method.temperature": {"kind": "float", "low": 0.05, "high": 0.5, "scale": "log"}}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"low": 0.5, "high": 0.1}, "low must be below high, but got low=0.5, high=0.1; nearest valid: low=0.1"),
        ({"low": 0.1, "high": 0.1}, "low must be below high, but got low=0.1, high=0.1; set the value in overrides"),
        ({"low": 0.0, "high": 1.0, "scale": "log"}, "low must be above 0 on a logarithmic scale, but got 0.0"),
        ({"low": 0.0, "high": 1.0, "scale": "log_from_one"}, "high must be below 1 on a logarithmic scale from 1"),
        ({"low": 0.1, "high": 1.0, "scale": "log", "step": 0.1}, "a step needs a linear scale, but got scale='log'"),
        ({"low": 0.0, "high": 1.0, "step": 0.3}, "low=0, high=1, step=0.3; nearest valid high: 0.9"),
        ({"low": 0.0, "hihg": 1.0}, "hihg is not a known key. Did you mean 'high'? Choices: high, kind, low, scale"),
        ({"low": float("nan"), "high": 1.0}, "should be a finite number"),
    ],
)
def test_a_wrong_float_is_refused(fields: dict[str, Any], message: str, write_experiment: WriteExperiment) -> None:
    write_experiment("s", seeds=1, space={"method.temperature": {"kind": "float", **fields}})
    with pytest.raises(ConfigError) as refused:
        load_search("s")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"kind": "int", "low": 1, "high": 6, "step": 2}, "nearest valid high: 5"),
        ({"kind": "int", "low": 0, "high": 6, "scale": "log"}, "low must be at least 1 on a logarithmic scale"),
        ({"kind": "int", "low": 1, "high": 7, "step": 2, "scale": "log"}, "but got step=2; nearest valid: 1"),
        ({"kind": "choice", "choices": [1]}, "a choice needs at least two values, but got [1]"),
        ({"kind": "choice", "choices": ["a", "b", "a"]}, "the values of a choice must differ, but got 'a' twice"),
        ({"kind": "range", "within": [0, 1], "width": [0.1, 2]}, "nearest valid: [0.1, 1]"),
        ({"kind": "range", "within": [1, 0], "width": [0.1, 1]}, "low must be below high, but got low=1, high=0"),
        (
            {"kind": "floot", "low": 0, "high": 1},
            "kind must be known, but got 'floot'. Did you mean 'float'? Choices: choice, float, int, range.",
        ),
    ],
)
def test_a_wrong_space_is_refused(space: dict[str, Any], message: str, write_experiment: WriteExperiment) -> None:
    write_experiment("s", seeds=1, space={"train.epochs": space})
    with pytest.raises(ConfigError) as refused:
        load_search("s")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"objectives": ["cost"]}, r"objectives must be \[accuracy\] or \[accuracy, cost\], but got \[cost\]"),
        ({"objectives": ["accuracy", "cost"], "early_stopping": {}}, "early stopping judges by accuracy alone"),
        ({"trials": 0}, "trials: Input should be greater than or equal to 1"),
        ({"sampler": {"sed": 1}}, "Did you mean 'seed'"),
        ({"space": {}}, "space: Dictionary should have at least 1 item"),
        (
            {"early_stopping": {}, "space": {"train.epochs": {"kind": "int", "low": 1, "high": 9}}},
            "early stopping compares trials of equal length, but train.epochs varies",
        ),
    ],
)
def test_a_wrong_search_is_refused(fields: dict[str, Any], message: str, write_experiment: WriteExperiment) -> None:
    write_experiment("s", **{"seeds": 1, "space": SPACE, **fields})
    with pytest.raises(ConfigError, match=message):
        load_search("s")


def test_an_experiment_is_no_search_and_a_search_no_experiment(write_experiment: WriteExperiment) -> None:
    write_experiment("table", grid={"method.temperature": [0.1]})
    write_experiment("search", space=SPACE)
    with pytest.raises(ConfigError, match=r"must be an experiment, but is a search; .* make search EXP=search"):
        load_experiment("search")
    with pytest.raises(ConfigError, match=r"must be a search, but is an experiment; .* make sweep EXP=table"):
        load_search("table")
    with pytest.raises(ConfigError, match=r"search must be a file in .*, but got 'serch'. Did you mean 'search'"):
        load_search("serch")
