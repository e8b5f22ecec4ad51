from typing import Any

import pytest

from ftlab.study.overrides import changed_protocol, overrides_suffix


@pytest.mark.parametrize(
    ("overrides", "suffix"),
    [
        ({}, ""),
        ({"train.epochs": 5, "model.head": "linear"}, "+model.head=linear+train.epochs=5"),
        ({"transform.lambda_extrapolation": [1, 1.5]}, "+transform.lambda_extrapolation=[1, 1.5]"),
        ({"data.download": True}, ""),
        ({"data.name": "folder", "data.root": "/a/b"}, "+data.name=folder+data.root=b"),
        ({"data.image_size": 16}, "+data.image_size=16"),
        ({"data.class_list": "a/b.txt"}, "+data.class_list=b.txt"),
    ],
)
def test_overrides_that_decide_numbers_mark_the_results(overrides: dict[str, Any], suffix: str) -> None:
    assert overrides_suffix(overrides) == suffix


def test_a_mark_of_overrides_fits_a_file_name() -> None:
    names = [f"probe.linear_learning_rates{digit}" for digit in range(20)]
    many, more = ({name: [0.1, value] for name in names} for value in (1.0, 2.0))
    assert len(overrides_suffix(many)) < 200
    assert overrides_suffix(many) != overrides_suffix(more)


@pytest.mark.parametrize(
    ("overrides", "protocol"),
    [
        ({}, "digits, 100 epochs"),
        ({"data.download": True, "data.root": "/data/digits"}, "digits, 100 epochs"),
        (
            {"train.epochs": 20, "data.class_list": "a/b.txt"},
            "digits, 100 epochs, changed by data.class_list=b.txt train.epochs=20",
        ),
    ],
)
def test_a_protocol_names_what_the_user_changed_of_it(overrides: dict[str, Any], protocol: str) -> None:
    assert changed_protocol("digits, 100 epochs", overrides) == protocol
