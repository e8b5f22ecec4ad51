from collections.abc import Callable
from typing import Any

import pytest

from ftlab.errors import ConfigError
from ftlab.search.scope import SearchSpec
from ftlab.study.early_stopping import EarlyStopping

MakeSearch = Callable[..., SearchSpec]

TEMPERATURE = {"kind": "float", "low": 0.03, "high": 0.5}
HAND_MADE = {"name": "hand-made", "set": {"transform.start": 0.3}}


def test_a_known_configuration_takes_what_it_does_not_set_from_the_profile(make_search: MakeSearch) -> None:
    spec = make_search(enqueue=[HAND_MADE])
    assert spec.known["hand-made"].settings == {
        "transform.start": 0.3,
        "transform.alpha_extrapolation": 2.0,
        "method.temperature": 0.1,
    }
    assert [cell.name for cell in spec.study.cells] == ["hand-made"]
    assert [cell.name for cell in make_search().study.cells] == ["profile"]


def test_names(make_search: MakeSearch) -> None:
    assert make_search().name == "s/tiny"
    assert make_search(user={"train.epochs": 4}).name == "s/tiny+train.epochs=4"
    assert make_search(num_trials=3).num_trials == 3
    assert make_search().num_trials == 6


def test_early_stopping_is_in_epochs(make_search: MakeSearch) -> None:
    spec = make_search(early_stopping={"grace": 0.25, "reduction_factor": 3}, user={"train.epochs": 8})
    assert spec.early_stopping == EarlyStopping(max_epochs=8, grace_epochs=2, reduction_factor=3)
    assert make_search().early_stopping is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"space": {"method.temprature": TEMPERATURE}}, "Did you mean 'method.temperature'?"),
        ({"space": {"seed": {"kind": "int", "low": 0, "high": 3}}}, "seed is in the space; use seeds: n"),
        ({"space": {"data.image_size": {"kind": "int", "low": 8, "high": 9}}}, "all trials share their data"),
        ({"user": {"method.temperature": 0.2}}, "an override must not be in the space of the search"),
        ({"overrides": {"method.temperature": 0.2}}, "an override must not be in the space of the search"),
        ({"user": {"train.epoch": 3}}, "Did you mean 'train.epochs'?"),
        ({"user": {"seed": 3}}, "seeds are chosen by their number"),
        ({"metric": "pretrain/loss"}, "the metric of a table must be a probe"),
        ({"num_trials": 0}, "the number of trials must be at least 1, but got 0"),
        ({"enqueue": [{"name": "a", "set": {"transform.start": 0.9}}]}, "'a' does not: transform.start must lie in"),
        (
            {"enqueue": [{"name": "a", "set": {"transform.stop": 0.9}}]},
            "'a' sets 'transform.stop', which does not vary",
        ),
        ({"enqueue": [HAND_MADE, HAND_MADE]}, "must have different names, but got 'hand-made' twice"),
        (
            {"early_stopping": {"grace": 0.1}, "user": {"train.epochs": 10, "probe.every": 5}},
            "probe.every=5; nearest valid grace: 0.5",
        ),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], message: str, make_search: MakeSearch) -> None:
    with pytest.raises(ConfigError) as refused:
        make_search(**fields)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"space": {"method.temperature": TEMPERATURE}},
        {"objectives": ["accuracy", "cost"]},
        {"metric": "knn/top1"},
        {"seeds": 2},
        {"user": {"train.learning_rate": 0.1}},
    ],
)
def test_the_digest_tells_searches_apart_whose_trials_cannot_be_compared(
    fields: dict[str, Any], make_search: MakeSearch
) -> None:
    assert make_search(**fields).digest("data") != make_search().digest("data")


def test_the_digest_leaves_out_how_long_and_how_it_is_searched(make_search: MakeSearch) -> None:
    same = make_search(trials=50, question="?", sampler={"seed": 3}, enqueue=[HAND_MADE], early_stopping={"grace": 0.5})
    assert same.digest("data") == make_search().digest("data")
    assert make_search().digest("data") != make_search().digest("other data")
