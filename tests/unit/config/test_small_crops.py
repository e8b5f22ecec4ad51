"""Small crops beside the views: what is refused, and where their settings have an effect."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from ftlab.config.trial import TrialConfig

SWAV = {"method": {"name": "swav"}}
PHOTOS = {"views": {"size": 224, "small_crops": 6}, "data": {"name": "folder", "short_side": 256}}


def make_trial(*settings: dict[str, dict[str, Any]]) -> TrialConfig:
    sections: dict[str, dict[str, Any]] = {}
    for each in settings:
        for name, values in each.items():
            sections[name] = {**sections.get(name, {}), **values}
    return TrialConfig.model_validate(sections)


# What breaks a rule, what is said, and what the nearest valid setting makes of it.
BROKEN_RULES: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    (
        {"method": {"name": "moco"}, "views": {"small_crops": 6}},
        "views.small_crops must be 0 for a method that takes two views alone, but got small_crops=6, "
        "method.name='moco'; nearest valid small_crops: 0.",
        {"method": {"name": "moco"}, "views": {"small_crops": 0}},
    ),
    (
        {"views": {"small_size": 225}},
        "views.small_size must be at most the side of a view, but got small_size=225, views of 224; "
        "nearest valid small_size: 224.",
        {"views": {"small_size": 224}},
    ),
    (
        {"views": {"small_scale": [0.14, 0.05]}},
        "a range must satisfy low <= high, but got [0.14, 0.05]; nearest valid: [0.05, 0.14].",
        {"views": {"small_scale": [0.05, 0.14]}},
    ),
    (
        {"model": {"backbone": "convnext_tiny"}, "views": {"small_size": 31}},
        "views.small_size must be at least 32 for model.backbone='convnext_tiny', but got 31; "
        "nearest valid small_size: 32.",
        {"model": {"backbone": "convnext_tiny"}, "views": {"small_size": 32}},
    ),
    (
        {"model": {"backbone": "convnext_tiny"}, "views": {"size": 24, "small_size": 16}},
        "views.small_size must be at least 32 for model.backbone='convnext_tiny', but got 16; "
        "nearest valid small_crops: 0.",
        {"model": {"backbone": "convnext_tiny"}, "views": {"size": 24, "small_crops": 0}},
    ),
]


@pytest.mark.parametrize(("settings", "message", "nearest_valid"), BROKEN_RULES)
def test_a_broken_rule_is_named_with_its_value_and_the_nearest_valid_one(
    settings: dict[str, Any], message: str, nearest_valid: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match=re.escape(message)):
        make_trial(SWAV, PHOTOS, settings)
    make_trial(SWAV, PHOTOS, nearest_valid)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("small_crops", -1),
        ("small_crops", 1.5),
        ("small_size", 0),
        ("small_size", 3),
        ("small_scale", [0.1]),
        ("small_scale", [0.1, 1.5]),
        ("crop_scale", [0.0, 1.0]),
    ],
)
def test_a_setting_out_of_bounds_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=name):
        make_trial(SWAV, PHOTOS, {"views": {name: value}})


def test_a_backbone_that_is_not_known_to_take_several_sizes_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from ftlab.config.sections import model_section
    from ftlab.encoders.backbones import Backbone

    monkeypatch.setattr(model_section, "find_backbone", lambda _name: Backbone("of:another_package"))
    with pytest.raises(ValidationError, match=r"a backbone that is not known .* got model.backbone='small_cnn'"):
        make_trial(SWAV, PHOTOS)
    make_trial(SWAV, PHOTOS, {"views": {"small_crops": 0}})


def test_their_settings_have_an_effect_where_there_are_some() -> None:
    sizes = {"views.small_size", "views.small_scale"}
    assert sizes <= make_trial(SWAV, PHOTOS).shown().keys()
    without = make_trial(SWAV)
    assert not sizes & without.shown().keys()
    assert not {"views.small_crops", "views.crop_scale"} & without.effective().keys()
