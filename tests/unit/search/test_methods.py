"""A search among methods: each is tried with what the profile has for it, and with settings of its own alone."""

from collections.abc import Callable
from typing import Any

import pytest
from optuna.samplers import RandomSampler
from optuna.study import create_study

from ftlab.config.experiment import ProfileConfig
from ftlab.config.search import SearchConfig
from ftlab.search.scope import SearchSpec, resolve_search

MakeSearch = Callable[..., SearchSpec]

SPACE: dict[str, Any] = {
    "method.temperature": {"kind": "float", "low": 0.05, "high": 0.5},
    "method.queue_size": {"kind": "choice", "choices": ["1x", "2x"]},
    "train.learning_rate": {"kind": "choice", "choices": ["1x", "2x"]},
    "method.name": {"kind": "choice", "choices": ["moco", "simclr"]},
}
METHODS = {"simclr": {"train.learning_rate": 0.1, "model.bn_groups": 1}}


@pytest.fixture
def make_search(tiny_profile: dict[str, Any]) -> MakeSearch:
    """Resolve a search among methods at the tiny profile: `make_search({"simclr": {...}}, enqueue=[...])`."""

    def make(methods: dict[str, Any], **fields: Any) -> SearchSpec:
        profile = ProfileConfig.model_validate({**tiny_profile, "methods": methods})
        return resolve_search("s", SearchConfig(question="?", space=SPACE, **fields), "tiny", profile)

    return make


def test_a_setting_is_drawn_for_the_methods_that_have_it(make_search: MakeSearch) -> None:
    spec = make_search(METHODS)
    study = create_study(sampler=RandomSampler(seed=0))
    drawn = [spec.space.suggest(study.ask()) for _ in range(20)]
    assert {settings["method.name"] for settings in drawn} == {"moco", "simclr"}
    for settings in drawn:
        assert ("method.queue_size" in settings) is (settings["method.name"] == "moco")
        config = spec.space.resolve(settings)
        assert config.model.bn_groups == (1 if config.method.name == "simclr" else 4)
        assert config.train.learning_rate in ([0.1, 0.2] if config.method.name == "simclr" else [0.03, 0.06])
        assert spec.space.locate(config).settings == settings


def test_a_known_configuration_may_be_of_another_method(make_search: MakeSearch) -> None:
    known = {"name": "known", "set": {"method.name": "simclr", "train.learning_rate": "2x", "method.temperature": 0.5}}
    spec = make_search(METHODS, enqueue=[known])
    assert spec.known["known"].settings == known["set"]


def test_other_settings_of_a_method_that_varies_are_another_search(make_search: MakeSearch) -> None:
    digests = [make_search(methods).digest("data") for methods in ({}, METHODS, {"simclr": {"model.bn_groups": 2}})]
    assert len(set(digests)) == 3
