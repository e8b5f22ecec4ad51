import pytest

from ftlab.importing.study_command import table_command
from ftlab.study.overrides import overrides_suffix

UNTOLD = "make table EXP=exp PROFILE=tiny, with the SET of its sweep"


@pytest.mark.parametrize(
    ("overrides", "command"),
    [
        ({}, "make table EXP=exp PROFILE=tiny"),
        ({"train.epochs": 5}, 'make table EXP=exp PROFILE=tiny SET="train.epochs=5"'),
        (
            {"transform.lambda_extrapolation": [1.0, 1.5], "train.learning_rate": 1e30, "train.compile": True},
            'make table EXP=exp PROFILE=tiny SET="train.compile=true train.learning_rate=1e+30 '
            'transform.lambda_extrapolation=[1.0,1.5]"',
        ),
        ({"data.root": "/data/flowers", "train.epochs": 5}, UNTOLD),
        ({f"train.epochs{'s' * 90}": "a" * 90}, UNTOLD),
    ],
)
def test_a_study_is_told_by_its_name(overrides: dict[str, object], command: str) -> None:
    assert table_command(f"exp/tiny{overrides_suffix(overrides)}") == command  # type: ignore[arg-type]


@pytest.mark.parametrize("mark", ["a=$(touch x)", "a=`touch x`", "a=1;b", "a='", "a=$x", "a=ü"])
def test_what_a_shell_or_make_would_run_is_not_printed(mark: str) -> None:
    assert table_command(f"exp/tiny+{mark}") == UNTOLD
