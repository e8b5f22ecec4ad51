from typing import Any

import pytest
from pydantic import TypeAdapter

from ftlab.config.search import Space
from ftlab.errors import ConfigError
from ftlab.search.dimension import Dimension, make_dimension


def dimension(**space: Any) -> Dimension:
    return make_dimension("a.b", TypeAdapter(Space).validate_python(space))


ALPHA = dimension(kind="float", low=0.1, high=10.0, scale="log")
MOMENTUM = dimension(kind="float", low=0.9, high=0.9995, scale="log_from_one")
START = dimension(kind="float", low=0.0, high=0.8, step=0.05)
QUEUE = dimension(kind="int", low=64, high=1024, scale="log")
BATCH = dimension(kind="choice", choices=["0.5x", "1x", None, [1.0, 2.0]])
ANCHORED = dimension(kind="range", within=[1.0, 3.0], width=[0.1, 2.0], anchored=True)
FREE = dimension(kind="range", within=[0.0, 1.0], width=[0.1, 1.0])


@pytest.mark.parametrize(
    ("found", "params", "setting"),
    [
        (ALPHA, {"a.b": 1.23456}, 1.23),
        (ALPHA, {"a.b": 0.1}, 0.1),
        (MOMENTUM, {"1 - a.b": 0.00123456}, 0.99877),
        (MOMENTUM, {"1 - a.b": 1.0 - 0.9995}, 0.9995),
        (START, {"a.b": 0.15000000000000002}, 0.15),
        (QUEUE, {"a.b": 128}, 128),
        (BATCH, {"a.b": "0.5x"}, "0.5x"),
        (BATCH, {"a.b": "[1.0, 2.0]"}, [1.0, 2.0]),
        (ANCHORED, {"a.b.width": 1.0}, [1.0, 2.0]),
        (FREE, {"a.b.width": 0.5, "a.b.position": 0.5}, [0.25, 0.75]),
        (FREE, {"a.b.width": 1.0, "a.b.position": 0.9}, [0.0, 1.0]),
        (FREE, {"a.b.width": 0.1, "a.b.position": 1.0}, [0.9, 1.0]),
    ],
)
def test_parameters_and_settings(found: Dimension, params: dict[str, Any], setting: Any) -> None:
    assert found.setting(params) == setting
    assert found.setting(found.params(setting)) == setting
    assert set(found.params(setting)) == set(found.distributions)


@pytest.mark.parametrize(
    ("found", "value", "message"),
    [
        (ALPHA, 20.0, "a.b must lie in the space [0.1, 10], but got 20.0; nearest valid: 10."),
        (ALPHA, "many", "a.b must be a number, but got 'many'; nearest valid: 0.1."),
        (ALPHA, True, "a.b must be a number, but got True; nearest valid: 0.1."),
        (START, 0.12, "a.b must be a number of steps of 0.05 from 0, but got 0.12; nearest valid: 0.1."),
        (BATCH, "2x", "a.b must be a choice of the space, but got '2x'; nearest valid: 0.5x, 1x, None, [1.0, 2.0]."),
        (ANCHORED, [1.5, 2.0], "a.b must begin at 1 and end within [1, 3], but got [1.5, 2.0]; nearest valid: [1, 2]."),
        (FREE, [0.5, 1.5], "a.b must lie within [0, 1], but got [0.5, 1.5]; nearest valid: [0.5, 1]."),
        (FREE, [0.5, 0.5], "a.b must have a width in [0.1, 1], but got [0.5, 0.5]; nearest valid: a width of 0.1."),
    ],
)
def test_a_value_outside_names_the_nearest(found: Dimension, value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        found.params(value)
    assert str(refused.value) == message
