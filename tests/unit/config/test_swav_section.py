"""The section of SwAV: what it refuses, and from which epoch on its settings have an effect."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from ftlab.config.trial import TrialConfig


def make_trial(**sections: dict[str, Any]) -> TrialConfig:
    method = {"name": "swav", **sections.pop("method", {})}
    return TrialConfig.model_validate({"method": method, "train": {"epochs": 10}, **sections})


# What breaks a rule, what is said, and what the nearest valid setting makes of it.
BROKEN_RULES: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    (
        {"transform": {"negatives": "interpolate_union"}},
        "transform.negatives must be 'none' or 'interpolate' for method.name='swav', whose negatives are prototypes, "
        "but got 'interpolate_union'; nearest valid negatives: 'interpolate'.",
        {"transform": {"negatives": "interpolate"}},
    ),
    (
        {"transform": {"positives": "extrapolate", "query_for_negatives": "original"}},
        "transform.query_for_negatives must be 'transformed' for method.name='swav', which has one vector a view, "
        "but got 'original'; nearest valid query_for_negatives: 'transformed'.",
        {"transform": {"positives": "extrapolate", "query_for_negatives": "transformed"}},
    ),
    (
        {"transform": {"negatives": "interpolate"}, "method": {"num_prototypes": 2}},
        "method.num_prototypes must be at least 3 to mix prototypes, since two mixed ones may hold the same, "
        "but got 2; nearest valid num_prototypes: 3.",
        {"transform": {"negatives": "interpolate"}, "method": {"num_prototypes": 3}},
    ),
]


@pytest.mark.parametrize(("settings", "message", "nearest_valid"), BROKEN_RULES)
def test_a_broken_rule_is_named_with_its_value_and_the_nearest_valid_one(
    settings: dict[str, Any], message: str, nearest_valid: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        make_trial(**settings)
    make_trial(**nearest_valid)


@pytest.mark.parametrize(
    "setting",
    [
        {"num_prototypes": 1},
        {"epsilon": 0.0},
        {"temperature": 0.0},
        {"sinkhorn_iterations": 0},
        {"head_width": 0},
        {"queue_size": -1},
        {"queue_start_epoch": -1},
        {"freeze_prototypes_epochs": -1},
        {"key_momentum": 0.9},
    ],
)
def test_a_setting_out_of_bounds_or_of_another_method_is_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(setting))):
        make_trial(method=setting)


def test_the_choice_of_a_head_has_no_effect() -> None:
    assert "model.head" not in make_trial().shown()
    assert {"method.head_width", "model.feature_dim", "model.bn_groups"} <= make_trial().shown().keys()


def test_trials_share_the_epochs_before_prototypes_are_trained_or_the_queue_takes_part() -> None:
    for setting, others in (("freeze_prototypes_epochs", {}), ("queue_start_epoch", {"queue_size": 128})):
        earlier, later = (make_trial(method={setting: epoch, **others}) for epoch in (2, 5))
        assert [earlier.effective(epochs) == later.effective(epochs) for epochs in (1, 2, 3)] == [True, True, False]


def test_a_queue_that_is_not_there_has_no_start() -> None:
    assert "method.queue_start_epoch" not in make_trial(method={"queue_start_epoch": 3}).shown()
    assert make_trial(method={"queue_start_epoch": 3}).effective() == make_trial().effective()
