import re
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from ftlab.config.sections.transform_section import TransformConfig
from ftlab.config.trial import TrialConfig


def make_trial(**sections: dict[str, Any]) -> TrialConfig:
    return TrialConfig.model_validate(sections)


def test_defaults_are_a_valid_trial() -> None:
    assert TrialConfig().train.epochs == 100


def test_a_trial_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        TrialConfig().seed = 1  # type: ignore[misc]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_are_finite(value: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        make_trial(train={"learning_rate": value})


# What breaks a rule, what is said, and what the nearest valid setting makes of it.
BROKEN_RULES: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    (
        {"train": {"batch_size": 130}},
        r"train.batch_size must be a multiple of model.bn_groups, but got .*=130, .*=4; nearest valid batch_size: 128",
        {"train": {"batch_size": 128}},
    ),
    (
        {"train": {"batch_size": 3}},
        r"train.batch_size must be a multiple of model.bn_groups, but got .*=3, .*=4; nearest valid batch_size: 8",
        {"train": {"batch_size": 8}},
    ),
    (
        {"train": {"batch_size": 4}},
        r"needs at least 2 images, but got batch_size=4, bn_groups=4; nearest valid bn_groups: 2",
        {"train": {"batch_size": 4}, "model": {"bn_groups": 2}},
    ),
    (
        {"train": {"batch_size": 9}, "model": {"bn_groups": 9}},
        r"needs at least 2 images, but got batch_size=9, bn_groups=9; nearest valid bn_groups: 3",
        {"train": {"batch_size": 9}, "model": {"bn_groups": 3}},
    ),
    (
        {"method": {"queue_size": 100}},
        r"method.queue_size must be at least train.batch_size, but got .*=100, .*=128; nearest valid queue_size: 128",
        {"method": {"queue_size": 128}},
    ),
    (
        {"train": {"epochs": 5, "warmup_epochs": 7}},
        r"train.warmup_epochs must be less than train.epochs, but got .*=7, .*=5; nearest valid warmup_epochs: 4",
        {"train": {"epochs": 5, "warmup_epochs": 4}},
    ),
    (
        {"data": {"class_list": "classes.txt"}},
        r"data.class_list selects from a folder, but got data.name='digits'; nearest valid name: 'folder'",
        {"data": {"class_list": "classes.txt", "name": "folder"}},
    ),
    (
        {"transform": {"start": 0.8, "stop": 0.5}},
        r"start must not come after stop, but got start=0.8, stop=0.5; nearest valid start: 0.5",
        {"transform": {"start": 0.5, "stop": 0.5}},
    ),
    (
        {"transform": {"lambda_interpolation": [-0.5, 2.0]}},
        r"lambda_interpolation must satisfy 0 <= low <= high <= 1 .* got \[-0.5, 2.0\]; nearest valid: \[0.0, 1.0\]",
        {"transform": {"lambda_interpolation": [0.0, 1.0]}},
    ),
    (
        {"transform": {"lambda_interpolation": [0.7, 0.2]}},
        r"lambda_interpolation must satisfy 0 <= low <= high <= 1 .* got \[0.7, 0.2\]; nearest valid: \[0.2, 0.7\]",
        {"transform": {"lambda_interpolation": [0.2, 0.7]}},
    ),
    (
        {"transform": {"positives": "interpolate", "lambda_extrapolation": [1.0, 2.0]}},
        r"lambda_extrapolation must satisfy 0 <= low <= high <= 1 .* got \[1.0, 2.0\]; nearest valid: \[1.0, 1.0\]",
        {"transform": {"positives": "interpolate", "lambda_extrapolation": [1.0, 1.0]}},
    ),
    (
        {"transform": {"positives": "extrapolate", "lambda_extrapolation": [0.5, 1.5]}},
        r"lambda_extrapolation must satisfy 1 <= low <= high .* got \[0.5, 1.5\]; nearest valid: \[1.0, 1.5\]",
        {"transform": {"positives": "extrapolate", "lambda_extrapolation": [1.0, 1.5]}},
    ),
    (
        {"transform": {"positives": "extrapolate", "lambda_extrapolation": [3.0, 2.0]}},
        r"lambda_extrapolation must satisfy 1 <= low <= high .* got \[3.0, 2.0\]; nearest valid: \[3.0, 3.0\]",
        {"transform": {"positives": "extrapolate", "lambda_extrapolation": [3.0, 3.0]}},
    ),
]


@pytest.mark.parametrize(("broken", "message", "repaired"), BROKEN_RULES)
def test_a_broken_rule_names_the_nearest_valid_value(
    broken: dict[str, Any], message: str, repaired: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match=message):
        make_trial(**broken)
    make_trial(**repaired)


@pytest.mark.parametrize(
    ("section", "setting", "value"),
    [
        ("method", "key_momentum", 1.01),
        ("method", "key_momentum", -0.01),
        ("method", "temperature", 0.0),
        ("method", "queue_size", 0),
        ("transform", "alpha_extrapolation", 0.0),
        ("transform", "alpha_interpolation", -1.0),
        ("transform", "start", 1.5),
        ("transform", "stop", -0.1),
        ("train", "sgd_momentum", 1.0),
        ("train", "learning_rate_floor", 1.1),
        ("train", "epochs", 0),
        ("train", "epochs", 2.5),
        ("probe", "linear_holdout", 1.0),
        ("probe", "linear_learning_rates", []),
        ("data", "name", "cifar"),
    ],
)
def test_values_out_of_range_are_refused(section: str, setting: str, value: object) -> None:
    with pytest.raises(ValidationError, match=rf"{section}\..*{setting}"):
        make_trial(**{section: {setting: value}})


def test_view_size_follows_the_images_unless_it_is_set() -> None:
    assert make_trial(data={"image_size": 16}).view_size == 16
    assert make_trial(data={"image_size": 16}, views={"size": 12}).view_size == 12


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"positives": "extrapolate"}, (1.0, 2.0)),
        ({"positives": "interpolate"}, (0.0, 1.0)),
        ({"positives": "extrapolate", "lambda_extrapolation": [1.0, 1.25]}, (1.0, 1.25)),
    ],
)
def test_positive_range_depends_on_the_kind(settings: dict[str, Any], expected: tuple[float, float]) -> None:
    assert TransformConfig.model_validate(settings).positive_range == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"start": 0.0}, range(10)),
        ({"start": 0.3}, range(3, 10)),
        ({"start": 0.3, "stop": 0.8}, range(3, 8)),
        ({"start": 0.02}, range(1, 10)),
        ({"start": 1.0}, range(10, 10)),
        ({"start": "never"}, range(0)),
        ({"start": 0.0, "positives": "none"}, range(0)),
    ],
)
def test_epochs_on_counts_whole_epochs(settings: dict[str, Any], expected: range) -> None:
    transform = TransformConfig.model_validate({"positives": "extrapolate", **settings})
    assert transform.epochs_on(10) == expected


def proposal(settings: Mapping[str, int]) -> tuple[str, int] | None:
    """Return the setting and the value that the error of a trial proposes; None without an error."""
    content: dict[str, dict[str, int]] = {}
    for name, value in settings.items():
        section, _, key = name.partition(".")
        content.setdefault(section, {})[key] = value
    try:
        make_trial(**content)
    except ValidationError as error:
        _, key, value = re.split(r".*nearest valid (\w+): (\d+)\.", str(error), maxsplit=1, flags=re.DOTALL)[:3]
        return next(name for name in settings if name.endswith(key)), int(value)
    return None


@pytest.mark.parametrize("queue_size", [8, 16, 1024, 2_000_000])
@pytest.mark.parametrize("groups", [3, 4, 7, 64, 600_000])
@pytest.mark.parametrize("batch_size", [2, 3, 5, 7, 9, 15, 130, 999_999])
def test_what_is_proposed_for_a_batch_is_valid(batch_size: int, groups: int, queue_size: int) -> None:
    settings = {"train.batch_size": batch_size, "model.bn_groups": groups, "method.queue_size": queue_size}
    taken = set[str]()
    while proposed := proposal(settings):
        name, value = proposed
        assert name not in taken
        taken.add(name)
        settings[name] = value
