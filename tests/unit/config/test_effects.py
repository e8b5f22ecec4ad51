"""The declarations of the sections: the settings that have an effect, and the epoch from which they have it."""

from typing import Annotated, Any

import pytest

from ftlab.config.loading import flatten
from ftlab.config.sections.train_section import TrainConfig
from ftlab.config.setting import Trait
from ftlab.config.trial import TrialConfig, setting_fields, settings_with
from ftlab.study.identity import prefix_keys, prefix_spans, trial_key


class TrainWithNesterov(TrainConfig):
    """The section with a setting that was added later."""

    nesterov: Annotated[bool, Trait.ADDED] = False


class LaterTrial(TrialConfig):
    """A trial with that section."""

    train: TrainWithNesterov = TrainWithNesterov()


MIXED = {"positives": "extrapolate", "negatives": "interpolate"}
OF_POSITIVES = {"alpha_extrapolation", "lambda_extrapolation", "query_for_negatives"}
OF_INTERPOLATION = {"alpha_interpolation", "lambda_interpolation"}
OF_MOCHI = {"hard_negatives", "hard_mixtures", "query_mixtures"}


def make_trial(**sections: Any) -> TrialConfig:
    return TrialConfig.model_validate({"train": {"epochs": 10}, **sections})


def without_effect(config: TrialConfig) -> set[str]:
    return set(setting_fields()) - config.shown().keys()


def test_the_fields_are_those_of_a_flat_trial() -> None:
    flat = flatten(TrialConfig())
    assert [name for name in setting_fields() if name in flat] == list(flat)
    assert {name.partition(".")[0] for name in setting_fields() if name not in flat} == {"method"}  # of other methods


def test_the_gradient_of_a_partner_has_an_effect_while_positives_are_mixed() -> None:
    simclr = {"name": "simclr", "partner": "key_constant"}
    assert "method.partner" not in make_trial(method=simclr).shown()
    assert "method.partner" not in make_trial(method=simclr, transform={"negatives": "interpolate"}).shown()
    mixed = make_trial(method=simclr, transform={"positives": "extrapolate", "start": 0.3})
    assert "method.partner" not in mixed.effective(3)
    assert "method.partner" in mixed.effective(4)


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"data": {"name": "digits"}}, {"data.root", "data.class_list", "data.corrupt_images", "data.download"}),
        ({"data": {"name": "stl10"}}, {"data.class_list", "data.corrupt_images"}),
        ({"data": {"name": "folder"}}, {"data.download"}),
        ({"data": {"name": "folder", "short_side": 64}}, {"data.download", "data.image_size"}),
    ],
)
def test_a_data_set_asks_for_some_settings_alone(sections: dict[str, Any], expected: set[str]) -> None:
    assert {name for name in without_effect(make_trial(**sections)) if name.startswith("data.")} == expected


def test_only_a_resnet_has_a_stem() -> None:
    assert "model.stem" in without_effect(make_trial())
    assert "model.stem" not in without_effect(make_trial(model={"backbone": "resnet18"}))


@pytest.mark.parametrize(
    ("transform", "reasons"),
    [
        ({}, {"positives", "negatives"}),
        ({"start": 0.5}, {"positives", "negatives"}),
        ({**MIXED, "start": "never"}, {"positives", "negatives", "start"}),
        ({**MIXED, "start": 1.0}, {"positives", "negatives", "start", "stop"}),
        ({**MIXED, "start": 0.5, "stop": 0.5}, {"positives", "negatives", "start", "stop"}),
    ],
)
def test_where_ft_takes_no_part_the_reason_alone_is_shown(transform: dict[str, Any], reasons: set[str]) -> None:
    config = make_trial(transform=transform)
    assert {name for name in config.shown() if name.startswith("transform.")} == {f"transform.{key}" for key in reasons}
    assert not [name for name in config.effective() if name.startswith("transform.")]


@pytest.mark.parametrize(
    ("transform", "idle"),
    [
        (MIXED, OF_MOCHI),
        ({"positives": "interpolate"}, {*OF_INTERPOLATION, *OF_MOCHI}),
        ({"negatives": "interpolate"}, {*OF_POSITIVES, *OF_MOCHI}),
        ({"negatives": "mochi"}, {*OF_POSITIVES, *OF_INTERPOLATION, "granularity", "renormalise"}),
        ({"negatives": "mochi", "positives": "extrapolate"}, OF_INTERPOLATION),
    ],
)
def test_what_is_not_mixed_has_no_effect(transform: dict[str, Any], idle: set[str]) -> None:
    missing = {name for name in without_effect(make_trial(transform=transform)) if name.startswith("transform.")}
    assert missing == {f"transform.{name}" for name in idle}


def test_effects_come_with_the_epochs() -> None:
    config = make_trial(transform={**MIXED, "start": 0.3, "stop": 0.8}, probe={"every": 5})
    seen = {epochs: config.effective(epochs) for epochs in range(1, 11)}
    assert [epochs for epochs, settings in seen.items() if "transform.positives" in settings] == list(range(4, 11))
    assert [settings.get("transform.stop") for settings in seen.values()] == [None] * 8 + [8, 8]
    assert [epochs for epochs, settings in seen.items() if "probe.knn_k" in settings] == list(range(5, 11))
    assert [epochs for epochs, settings in seen.items() if "probe.linear_epochs" in settings] == [10]
    assert config.effective() == seen[10]


@pytest.mark.parametrize("transform", [{}, MIXED, {**MIXED, "start": 0.3, "stop": 0.8}, {**MIXED, "start": "never"}])
@pytest.mark.parametrize("every", [0, 1, 3, 50])
def test_prefixes_change_where_effects_do(transform: dict[str, Any], every: int) -> None:
    config = make_trial(transform=transform, probe={"every": every})
    changed = [epochs for epochs in range(2, 11) if config.effective(epochs) != config.effective(epochs - 1)]
    assert [epochs.start for _, epochs in prefix_spans(config, "")] == [1, *changed]


def test_keys_count_in_epochs_and_people_read_fractions() -> None:
    config = make_trial(transform={**MIXED, "start": 0.3, "stop": 0.8})
    names = ("transform.start", "transform.stop")
    assert [config.effective()[name] for name in names] == [3, 8]
    assert [config.shown()[name] for name in names] == [0.3, 0.8]


def test_what_an_empty_setting_stands_for_is_filled_in() -> None:
    config = make_trial(data={"image_size": 16}, transform=MIXED)
    for settings in (config.shown(), config.effective()):
        assert (settings["views.size"], settings["transform.lambda_extrapolation"]) == (16, [1.0, 2.0])


def test_a_setting_that_is_added_keeps_the_keys_of_before() -> None:
    before, after = TrialConfig(), LaterTrial()
    assert trial_key(after, "data") == trial_key(before, "data")
    assert prefix_keys(after, "data") == prefix_keys(before, "data")
    assert after.shown() == {**before.shown(), "train.nesterov": False}
    used = LaterTrial.model_validate({"train": {"nesterov": True}})
    assert trial_key(used, "data") != trial_key(before, "data")
    assert not set(prefix_keys(used, "data")) & set(prefix_keys(before, "data"))


def test_traits_stand_at_the_fields() -> None:
    assert settings_with(Trait.PATH) == ("data.root", "data.class_list")
    assert settings_with(Trait.SWITCH) == (
        "data.name",
        "views.small_crops",
        "model.backbone",
        "method.loss_scale",
        "transform.positives",
        "transform.negatives",
        "transform.start",
        "mixing.name",
        "train.epochs",
        "probe.linear",
        "probe.finetune",
        "probe.long_tail",
    )
    assert "method.queue_size" in settings_with(Trait.CHECKPOINT_COST)


@pytest.mark.parametrize(
    ("start", "epochs", "begin"),
    [
        (0.02, 25, 1),
        (0.004, 100, 1),
        (1e-9, 10, 1),
        (0.5, 1, 1),
        (0.04, 10, 1),
        (0.0, 25, 0),
        (0.02, 100, 2),
        (1.0, 10, 10),
    ],
)
def test_a_later_start_is_never_rounded_to_always(start: float, epochs: int, begin: int) -> None:
    on = make_trial(transform={**MIXED, "start": start}, train={"epochs": epochs}).transform.epochs_on(epochs)
    assert on == range(begin, epochs)
    always = make_trial(transform=MIXED, train={"epochs": epochs})
    assert (
        trial_key(make_trial(transform={**MIXED, "start": start}, train={"epochs": epochs}), "data")
        == trial_key(always, "data")
    ) == (begin == 0)


def test_groups_have_an_effect_while_something_is_mixed() -> None:
    assert "transform.groups" not in make_trial(transform={"groups": 2}).shown()
    mixed = make_trial(transform={**MIXED, "groups": 2, "start": 0.3})
    assert "transform.groups" not in mixed.effective(3)
    assert mixed.effective(4)["transform.groups"] == 2
    assert "transform.groups" not in make_trial(transform=MIXED).effective()


@pytest.mark.parametrize(("groups", "valid"), [(3, 2), (7, 4), (24, 16), (1000, 128)])
def test_a_batch_is_split_into_equal_groups(groups: int, valid: int) -> None:
    with pytest.raises(ValueError, match=f"batch_size=128, groups={groups}; nearest valid groups: {valid}."):
        make_trial(transform={**MIXED, "groups": groups})
