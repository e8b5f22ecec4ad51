from itertools import combinations
from typing import ClassVar

import pytest

from ftlab.config.experiment import ProfileConfig
from ftlab.config.loading import flatten, resolve_trial
from ftlab.config.setting import Setting
from ftlab.config.trial import TrialConfig, setting_fields
from ftlab.study.identity import (
    cell_key,
    evaluation_keys,
    prefix_key,
    prefix_keys,
    prefix_spans,
    pretraining_key,
    trial_key,
    unshared_key,
)
from ftlab.training.evaluation.probe_metrics import PROBE_METRICS

FINGERPRINT = "0123456789abcdef"
PROFILE = ProfileConfig(description="", metric="probe/top1", protocol="")

# A trial in which every setting has an effect.
EVERYTHING: dict[str, Setting] = {
    "views.size": 8,
    "model.backbone": "resnet18",
    "transform.positives": "extrapolate",
    "transform.negatives": "interpolate",
}

# Another value of every setting that has two.
CHANGED: dict[str, Setting] = {
    **{name: not field.default for name, field in setting_fields().items() if field.annotation is bool},
    "seed": 1,
    "data.name": "folder",
    "data.root": "/elsewhere",
    "data.image_size": 16,
    "data.short_side": 8,
    "data.class_list": "classes.txt",
    "data.corrupt_images": "skip",
    "data.max_per_class": 5,
    "data.held_out": 0.2,
    "data.imbalance": 10.0,
    "views.recipe": "moco_v2",
    "views.size": 12,
    "views.crop_scale": [0.14, 1.0],
    "views.small_crops": 4,
    "views.small_size": 6,
    "views.small_scale": [0.1, 0.2],
    "model.backbone": "resnet34",
    "model.stem": "cifar",
    "model.width": 8,
    "model.depth": 2,
    "model.head": "linear",
    "model.feature_dim": 32,
    "model.bn_groups": 2,
    "method.key_momentum": 0.9,
    "method.queue_size": 2048,
    "method.temperature": 0.2,
    "transform.positives": "interpolate",
    "transform.negatives": "interpolate_union",
    "transform.alpha_extrapolation": 0.2,
    "transform.alpha_interpolation": 0.2,
    "transform.lambda_extrapolation": [1.0, 1.5],
    "transform.lambda_interpolation": [0.25, 0.75],
    "transform.granularity": "element",
    "transform.groups": 2,
    "transform.query_for_negatives": "original",
    "transform.start": 0.3,
    "transform.stop": 0.8,
    "transform.hard_negatives": 32,
    "transform.hard_mixtures": 32,
    "transform.query_mixtures": 4,
    "mixing.name": "unmix",
    "mixing.alpha": 0.5,
    "mixing.global_probability": 0.25,
    "mixing.layers": "random",
    "train.epochs": 50,
    "train.batch_size": 64,
    "train.optimizer": "lars",
    "train.learning_rate": 0.06,
    "train.learning_rate_floor": 0.0,
    "train.warmup_epochs": 5,
    "train.sgd_momentum": 0.5,
    "train.weight_decay": 1e-4,
    "train.precision": "bfloat16",
    "probe.resize": 16,
    "probe.every": 20,
    "probe.knn_k": 10,
    "probe.knn_temperature": 0.2,
    "probe.knn_features": "embedding",
    "probe.linear": "paper",
    "probe.few_shot_labels": 3,
    "probe.few_shot_draws": 10,
    "probe.linear_epochs": 10,
    "probe.linear_batch_size": 128,
    "probe.linear_learning_rates": [1.0],
    "probe.linear_holdout": 0.2,
    "probe.finetune_epochs": 5,
    "probe.finetune_batch_size": 64,
    "probe.finetune_learning_rates": [0.1],
    "probe.finetune_crop_scale": [0.2, 1.0],
    "probe.finetune_flip": 0.0,
    "probe.finetune_holdout": 0.2,
    "probe.finetune_weight_decay": 0.0,
    "probe.long_tail_many": 50,
    "probe.long_tail_few": 10,
}
OF_OTHER_METHODS: dict[str, dict[str, Setting]] = {
    "simclr": {"method.partner": "key_constant"},
    "infomin": {"method.jigsaw_weight": 0.5, "method.temperature": 0.2},
    "swav": {
        "method.epsilon": 0.03,
        "method.sinkhorn_iterations": 5,
        "method.num_prototypes": 100,
        "method.head_width": 64,
        "method.freeze_prototypes_epochs": 1,
        "method.queue_size": 256,
        "method.queue_start_epoch": 10,
    },
    "simsiam": {
        "method.projector_layers": 3,
        "method.head_width": 64,
        "method.predictor_width": 16,
        "method.predictor_rate": "scheduled",
        "method.loss_scale": 1.5,
        "method.loss_scale_start": 0.3,
    },
}
# What gives all of them an effect.
BASES: dict[str, dict[str, Setting]] = {
    "infomin": {"views.size": 96},
    "simsiam": {"transform.negatives": "none", "method.loss_scale": 2.6},
    "swav": {"method.queue_size": 128},
}
# Settings that have an effect with another choice than that of everything.
WITH_ANOTHER_CHOICE: dict[str, dict[str, Setting]] = {
    "transform.hard_negatives": {"transform.negatives": "mochi"},
    "transform.hard_mixtures": {"transform.negatives": "mochi"},
    "transform.query_mixtures": {"transform.negatives": "mochi"},
    "mixing.alpha": {"mixing.name": "unmix"},
    "mixing.global_probability": {"mixing.name": "unmix"},
    "mixing.layers": {"mixing.name": "imix", "transform.positives": "none"},
    **{name: {"probe.finetune": True} for name in CHANGED if name.startswith("probe.finetune_")},
    **{name: {"probe.long_tail": True} for name in CHANGED if name.startswith("probe.long_tail_")},
}
SMALL_CROPS: dict[str, Setting] = {"method.name": "swav", "views.small_crops": 6, "views.small_size": 8}
ONE_CHOICE = {"method.name"}
WITHOUT_EFFECT = sorted(name for name in CHANGED if name.startswith("data."))
OF_THE_SMALL_CNN = ["model.width", "model.depth"]
OF_SMALL_CROPS = ["views.small_crops", "views.small_size", "views.small_scale"]
WITH_EFFECT = sorted(set(CHANGED) - {*WITHOUT_EFFECT, *OF_THE_SMALL_CNN, *OF_SMALL_CROPS, *WITH_ANOTHER_CHOICE})


def with_settings(settings: dict[str, Setting]) -> TrialConfig:
    return resolve_trial(PROFILE, settings)


def key_of(settings: dict[str, Setting]) -> str:
    return trial_key(with_settings(settings), FINGERPRINT)


def transform_from(start: Setting, stop: float = 1.0, epochs: int = 10) -> TrialConfig:
    settings = {**EVERYTHING, "train.epochs": epochs, "transform.start": start, "transform.stop": stop}
    return with_settings(settings)


def shared_epochs(first: TrialConfig, second: TrialConfig) -> list[int]:
    epochs = range(1, first.train.epochs + 1)
    keys = zip(
        (prefix_key(first, FINGERPRINT, epoch) for epoch in epochs),
        (prefix_key(second, FINGERPRINT, epoch) for epoch in epochs),
        strict=True,
    )
    return [epoch for epoch, (one, other) in zip(epochs, keys, strict=True) if one == other]


def test_the_default_trial_keeps_its_keys() -> None:
    # If this fails, every recorded trial is lost to its users: raise NUMERICS_VERSION on purpose, or repair.
    config = TrialConfig()
    assert trial_key(config, FINGERPRINT) == "33e62f673d04a7dfcef3de666163a454"
    assert cell_key(config, FINGERPRINT) == "0061c001c4ce46768fb9db1ab93db824"
    assert prefix_key(config, FINGERPRINT, 30) == "d11b90035d7bb10aa6859d4b6a4d149e"


def test_a_trial_with_every_setting_in_effect_keeps_its_keys() -> None:
    config = with_settings({**EVERYTHING, "transform.start": 0.3, "transform.stop": 0.8, "seed": 2})
    assert trial_key(config, FINGERPRINT) == "f0e4d7741958f0433d2109a522a2485d"
    assert cell_key(config, FINGERPRINT) == "1452250c9a815fb051cbb0454c6ae75f"
    assert prefix_key(config, FINGERPRINT, 50) == "f1c19a8fcd148ecf97a1f65849f4f759"


def test_every_setting_is_tried_below() -> None:
    others = {name for settings in OF_OTHER_METHODS.values() for name in settings}
    assert set(CHANGED) | others | ONE_CHOICE == set(setting_fields())
    defaults = flatten(with_settings(EVERYTHING))
    assert [name for name, value in CHANGED.items() if defaults[name] == value] == []


@pytest.mark.parametrize("name", WITH_EFFECT)
def test_a_setting_with_an_effect_changes_the_key(name: str) -> None:
    assert key_of({**EVERYTHING, name: CHANGED[name]}) != key_of(EVERYTHING)


@pytest.mark.parametrize(("method", "settings"), OF_OTHER_METHODS.items())
def test_a_setting_of_another_method_changes_the_keys_of_that(method: str, settings: dict[str, Setting]) -> None:
    everything = {name: value for name, value in EVERYTHING.items() if not name.startswith("method.")}
    everything |= {"method.name": method, **BASES.get(method, {})}
    for name, value in settings.items():
        assert key_of({**everything, name: value}) != key_of(everything)


@pytest.mark.parametrize(("name", "choice"), WITH_ANOTHER_CHOICE.items())
def test_a_setting_of_another_choice_changes_the_keys_of_that(name: str, choice: dict[str, Setting]) -> None:
    chosen = {**EVERYTHING, **choice}
    assert key_of({**chosen, name: CHANGED[name]}) != key_of(chosen)
    assert key_of({**EVERYTHING, name: CHANGED[name]}) == key_of(EVERYTHING)


@pytest.mark.parametrize("name", OF_THE_SMALL_CNN)
def test_the_size_of_the_small_cnn_changes_the_key_of_a_small_cnn(name: str) -> None:
    small = {**EVERYTHING, "model.backbone": "small_cnn"}
    assert key_of({**small, name: CHANGED[name]}) != key_of(small)
    assert key_of({**EVERYTHING, name: CHANGED[name]}) == key_of(EVERYTHING)


@pytest.mark.parametrize("name", OF_SMALL_CROPS)
def test_a_setting_of_small_crops_changes_the_keys_of_trials_that_have_them(name: str) -> None:
    without = {"method.name": "swav"}
    assert key_of({**SMALL_CROPS, name: CHANGED[name]}) != key_of(SMALL_CROPS) != key_of(without)
    if name != "views.small_crops":
        assert key_of({**without, name: CHANGED[name]}) == key_of(without)


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_where_the_data_lie_changes_no_key(name: str) -> None:
    folder = {"data.name": "folder"} if name in ("data.class_list", "data.short_side") else {}
    assert key_of({**EVERYTHING, **folder, name: CHANGED[name]}) == key_of(EVERYTHING)


def test_the_content_of_the_data_changes_every_key() -> None:
    config = TrialConfig()
    assert trial_key(config, "a") != trial_key(config, "b")
    assert cell_key(config, "a") != cell_key(config, "b")
    assert prefix_key(config, "a", 5) != prefix_key(config, "b", 5)


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("model.stem", {"model.backbone": "small_cnn"}),
        ("transform.start", {}),
        ("transform.stop", {}),
        ("transform.granularity", {}),
        ("transform.renormalise", {}),
        ("transform.alpha_extrapolation", {"transform.negatives": "interpolate"}),
        ("transform.lambda_extrapolation", {"transform.negatives": "interpolate"}),
        ("transform.query_for_negatives", {"transform.negatives": "interpolate"}),
        ("transform.alpha_interpolation", {"transform.positives": "extrapolate"}),
        ("transform.lambda_interpolation", {"transform.positives": "extrapolate"}),
        ("transform.positives", {"transform.start": "never"}),
        ("transform.negatives", {"transform.start": "never"}),
        ("transform.positives", {"transform.start": 1.0}),
    ],
)
def test_an_idle_setting_changes_no_key(name: str, base: dict[str, Setting]) -> None:
    assert key_of({**base, name: CHANGED[name]}) == key_of(base)


@pytest.mark.parametrize(
    ("base", "spelt_out"),
    [
        ({}, {"views.size": 8}),
        ({"data.image_size": 16}, {"views.size": 16}),
        ({"transform.positives": "extrapolate"}, {"transform.lambda_extrapolation": [1, 2]}),
        ({"transform.positives": "interpolate"}, {"transform.lambda_extrapolation": [0.0, 1.0]}),
        ({"transform.negatives": "interpolate"}, {"transform.lambda_interpolation": [0, 1]}),
        ({**EVERYTHING, "train.epochs": 10, "transform.start": 0.1}, {"transform.start": 0.02}),
        ({}, {"train.learning_rate": 3e-2}),
        ({}, {"train.epochs": 1e2}),
        ({"train.learning_rate": 1.0}, {"train.learning_rate": 1}),
    ],
)
def test_a_default_spelt_out_changes_no_key(base: dict[str, Setting], spelt_out: dict[str, Setting]) -> None:
    assert key_of({**base, **spelt_out}) == key_of(base)


def test_the_cell_key_ignores_the_seed_alone() -> None:
    base = cell_key(with_settings(EVERYTHING), FINGERPRINT)
    for name in WITH_EFFECT:
        changed = cell_key(with_settings({**EVERYTHING, name: CHANGED[name]}), FINGERPRINT)
        assert (changed == base) == (name == "seed"), name


def test_trial_cell_and_prefix_have_different_names() -> None:
    config = TrialConfig()
    keys = {
        trial_key(config, FINGERPRINT),
        cell_key(config, FINGERPRINT),
        *(prefix_key(config, FINGERPRINT, epoch) for epoch in range(1, 101)),
    }
    assert len(keys) == 102


@pytest.mark.parametrize(("first", "second"), list(combinations([0.0, 0.2, 0.3, 0.5, 0.8], 2)))
def test_trials_share_the_epochs_before_the_first_start(first: float, second: float) -> None:
    assert shared_epochs(transform_from(first), transform_from(second)) == list(range(1, round(first * 10) + 1))


@pytest.mark.parametrize("start", [0.0, 0.2, 0.5, 0.8])
def test_the_baseline_shares_the_epochs_before_the_start(start: float) -> None:
    expected = list(range(1, round(start * 10) + 1))
    assert shared_epochs(transform_from("never"), transform_from(start)) == expected


@pytest.mark.parametrize(("first", "second"), list(combinations([0.2, 0.5, 0.8, 1.0], 2)))
def test_trials_share_the_epochs_before_the_first_stop(first: float, second: float) -> None:
    shared = shared_epochs(transform_from(0.1, first), transform_from(0.1, second))
    assert shared == list(range(1, round(first * 10) + 1))


def test_the_kind_of_transformation_matters_from_its_start_on() -> None:
    base = {**EVERYTHING, "train.epochs": 10, "transform.start": 0.4}
    other = {**base, "transform.granularity": "element"}
    assert shared_epochs(with_settings(base), with_settings(other)) == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["seed", "train.epochs", "method.key_momentum", "train.learning_rate"])
def test_other_settings_matter_from_the_first_epoch_on(name: str) -> None:
    base, other = with_settings(EVERYTHING), with_settings({**EVERYTHING, name: CHANGED[name]})
    assert prefix_key(base, FINGERPRINT, 1) != prefix_key(other, FINGERPRINT, 1)


@pytest.mark.parametrize(
    ("name", "last_shared"),
    [("probe.every", 9), ("probe.knn_k", 9), ("probe.few_shot_labels", 99), ("probe.linear_epochs", 99)],
)
def test_a_probe_matters_from_the_epoch_it_is_first_taken_after(name: str, last_shared: int) -> None:
    base, other = with_settings({}), with_settings({name: CHANGED[name]})
    assert shared_epochs(base, other) == list(range(1, last_shared + 1))


def test_a_probe_at_the_end_alone_matters_there_alone() -> None:
    base, other = ({"probe.every": 0, "probe.knn_k": k} for k in (10, 20))
    assert shared_epochs(with_settings(base), with_settings(other)) == list(range(1, 100))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        EVERYTHING,
        {**EVERYTHING, "transform.start": 0.3, "transform.stop": 0.8},
        {**EVERYTHING, "transform.start": 1.0},
        {"probe.every": 0},
        {"train.epochs": 1},
        {"train.epochs": 5, "probe.every": 10},
    ],
)
def test_all_prefix_keys_at_once_are_the_keys_one_by_one(settings: dict[str, Setting]) -> None:
    config = with_settings(settings)
    one_by_one = [prefix_key(config, FINGERPRINT, epoch) for epoch in range(1, config.train.epochs + 1)]
    assert prefix_keys(config, FINGERPRINT) == one_by_one


def test_what_a_trial_does_not_share_has_its_own_name_each_epoch() -> None:
    names = {unshared_key(trial, epoch) for trial in ("a", "b") for epoch in (1, 2)}
    assert len(names) == 4


def test_trials_share_a_state_where_they_share_its_span() -> None:
    one = with_settings({**EVERYTHING, "transform.start": 0.3, "transform.stop": 0.8})
    for other in (one.model_copy(update={"seed": 1}), with_settings({**EVERYTHING, "transform.start": 0.5}), one):
        states = [
            [(span, epoch) for span, epochs in prefix_spans(config, FINGERPRINT) for epoch in epochs]
            for config in (one, other)
        ]
        keys = [prefix_keys(config, FINGERPRINT) for config in (one, other)]
        assert [a == b for a, b in zip(*states, strict=True)] == [a == b for a, b in zip(*keys, strict=True)]
        assert [epoch for _, epoch in states[0]] == list(range(1, one.epochs + 1))


class TestTwoKeys:
    """What is judged after the last epoch is no part of a pretraining, and has a key of its own."""

    SMALL: ClassVar[dict[str, Setting]] = {"model.backbone": "small_cnn"}
    JUDGING: ClassVar = [
        name
        for name in CHANGED
        if name.startswith("probe.") and not name.startswith(("probe.knn", "probe.every", "probe.resize"))
    ]

    @pytest.mark.parametrize("name", JUDGING)
    def test_evaluations_leave_the_key_of_the_pretraining(self, name: str) -> None:
        choice = WITH_ANOTHER_CHOICE.get(name, {})
        changed, base = with_settings({**choice, name: CHANGED[name]}), with_settings(choice)
        assert pretraining_key(changed, FINGERPRINT) == pretraining_key(base, FINGERPRINT)
        keys = [evaluation_keys(config, FINGERPRINT) for config in (changed, base)]
        probe = next(each for each in PROBE_METRICS if name.startswith(f"probe.{each}"))
        assert {key for key in keys[0] if keys[0][key] != keys[1].get(key)} == {probe}
        assert trial_key(changed, FINGERPRINT) != trial_key(base, FINGERPRINT)

    @pytest.mark.parametrize("name", ["train.epochs", "method.key_momentum", "seed", "model.width", "views.size"])
    def test_training_leaves_the_keys_of_evaluations(self, name: str) -> None:
        changed, base = with_settings({**self.SMALL, name: CHANGED[name]}), with_settings(self.SMALL)
        assert evaluation_keys(changed, FINGERPRINT) == evaluation_keys(base, FINGERPRINT)
        assert pretraining_key(changed, FINGERPRINT) != pretraining_key(base, FINGERPRINT)

    def test_a_knn_probe_during_training_is_part_of_the_pretraining(self) -> None:
        often, never = ({"probe.every": every, "train.epochs": 5} for every in (2, 0))
        for base, same in ((often, False), (never, True)):
            keys = {pretraining_key(with_settings({**base, "probe.knn_k": k}), FINGERPRINT) for k in (5, 6)}
            assert (len(keys) == 1) is same

    def test_the_data_decide_both(self) -> None:
        config = with_settings({})
        assert pretraining_key(config, "a") != pretraining_key(config, "b")
        assert not set(evaluation_keys(config, "a").values()) & set(evaluation_keys(config, "b").values())
