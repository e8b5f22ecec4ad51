from collections.abc import Callable
from typing import Any

import optuna
import pytest

from ftlab.config.trial import TrialConfig
from ftlab.errors import ConfigError
from ftlab.search.scope import SearchSpec, load_search_spec

MakeSearch = Callable[..., SearchSpec]

EVERYTHING: dict[str, Any] = {
    "transform.lambda_interpolation": {"kind": "range", "within": [0.0, 1.0], "width": [0.1, 1.0]},
    "transform.lambda_extrapolation": {"kind": "range", "within": [1.0, 3.0], "width": [0.1, 2.0], "anchored": True},
    "transform.alpha_extrapolation": {"kind": "float", "low": 0.1, "high": 10.0, "scale": "log"},
    "transform.start": {"kind": "choice", "choices": ["never", 0.0, 0.5]},
    "transform.negatives": {"kind": "choice", "choices": ["none", "interpolate"]},
    "transform.positives": {"kind": "choice", "choices": ["none", "extrapolate"]},
    "method.key_momentum": {"kind": "float", "low": 0.9, "high": 0.9999, "scale": "log_from_one"},
    "method.queue_size": {"kind": "choice", "choices": ["1x", "2x"]},
    "train.epochs": {"kind": "int", "low": 1, "high": 4},
}


@pytest.mark.slow
def test_every_suggestion_is_a_valid_trial_and_is_found_again(
    make_search: MakeSearch, random_study: optuna.Study
) -> None:
    space = make_search(space=EVERYTHING, overrides={}).space
    seen: set[str] = set()
    for _ in range(300):
        settings = space.suggest(random_study.ask())
        config = space.resolve(settings)
        assert isinstance(config, TrialConfig)
        low, high = config.transform.positive_range
        assert low <= high
        point = space.locate(config)
        assert point.settings == settings
        assert space.resolve({name: space.dimensions[name].setting(point.params) for name in settings}) == config
        seen |= settings.keys()
    assert seen == set(EVERYTHING)


@pytest.mark.parametrize(
    "profile", ["digits", *(pytest.param(each, marks=pytest.mark.slow) for each in ("cifar10", "imagenet100"))]
)
@pytest.mark.parametrize("search", ["search_ft", "search_ft_cost"])
def test_the_searches_are_valid_at_every_profile(search: str, profile: str, random_study: optuna.Study) -> None:
    spec = load_search_spec(search, profile)
    assert list(spec.known) == ["hand-made"]
    assert len(spec.examples) > 64
    for _ in range(20):
        spec.space.resolve(spec.space.suggest(random_study.ask()))


@pytest.mark.slow
def test_a_setting_without_effect_is_not_drawn(make_search: MakeSearch, random_study: optuna.Study) -> None:
    space = make_search(space=EVERYTHING, overrides={}).space
    for _ in range(100):
        settings = space.suggest(random_study.ask())
        config = space.resolve(settings)
        mixed = {settings["transform.positives"], settings["transform.negatives"]} != {"none"}
        assert ("transform.start" in settings) == mixed
        is_on = bool(config.transform.epochs_on(config.epochs))
        positives = is_on and settings["transform.positives"] != "none"
        negatives = is_on and settings["transform.negatives"] != "none"
        assert ("transform.alpha_extrapolation" in settings) == positives
        assert ("transform.lambda_extrapolation" in settings) == positives
        assert ("transform.lambda_interpolation" in settings) == negatives


def test_what_depends_on_a_switch_is_drawn_after_it(make_search: MakeSearch, random_study: optuna.Study) -> None:
    backbones = {"kind": "choice", "choices": ["small_cnn", "resnet18"]}
    stems = {"kind": "choice", "choices": ["cifar", "imagenet"]}
    space = make_search(space={"model.stem": stems, "model.backbone": backbones}, overrides={}).space
    drawn = [space.suggest(random_study.ask()) for _ in range(20)]
    assert {settings["model.backbone"] for settings in drawn} == {"small_cnn", "resnet18"}
    assert all(("model.stem" in settings) == (settings["model.backbone"] == "resnet18") for settings in drawn)


def test_a_setting_that_never_has_an_effect_is_refused(make_search: MakeSearch) -> None:
    space = {"model.stem": {"kind": "choice", "choices": ["cifar", "imagenet"]}}
    with pytest.raises(ConfigError, match=r"must have an effect, but 'model.stem' has none anywhere in the space"):
        make_search(space=space)


def test_a_space_with_invalid_trials_is_refused(make_search: MakeSearch) -> None:
    space = {"method.queue_size": {"kind": "int", "low": 16, "high": 4096, "scale": "log"}}
    with pytest.raises(ConfigError, match=r"every point of a space must be a trial, .* nearest valid queue_size: 128"):
        make_search(space=space)
