"""What is compared with FT: its settings, their effects, and what they go together with."""

from typing import Any

import pytest
from pydantic import ValidationError

from ftlab.config.trial import TrialConfig
from ftlab.study.identity import trial_key

SIMCLR = {"method": {"name": "simclr"}}
MOCHI = {"negatives": "mochi"}


def make_trial(**sections: Any) -> TrialConfig:
    return TrialConfig.model_validate(sections)


@pytest.mark.parametrize(
    ("name", "used"),
    [
        ("none", {"name"}),
        ("unmix", {"name", "alpha", "global_probability"}),
        ("imix", {"name", "alpha", "layers"}),
        ("in_batch_keys", {"name"}),
    ],
)
def test_each_mixing_has_its_settings(name: str, used: set[str]) -> None:
    config = make_trial(mixing={"name": name, "alpha": 2.0, "global_probability": 0.1, "layers": "random"})
    assert {setting for setting in config.shown() if setting.startswith("mixing.")} == {f"mixing.{key}" for key in used}
    in_key = {setting for setting in config.effective(1) if setting.startswith("mixing.")}
    assert in_key == (set() if name == "none" else {f"mixing.{key}" for key in used})


def test_settings_of_what_is_not_chosen_change_no_key() -> None:
    plain = trial_key(make_trial(), "data")
    assert trial_key(make_trial(mixing={"alpha": 2.0, "layers": "random"}), "data") == plain
    assert trial_key(make_trial(transform={"hard_negatives": 32}), "data") == plain


def test_mochi_has_an_effect_from_the_start_of_ft_on() -> None:
    config = make_trial(transform={**MOCHI, "hard_negatives": 32, "start": 0.1})
    assert "transform.hard_negatives" not in config.effective(10)
    assert config.effective(11)["transform.hard_negatives"] == 32
    assert config.whole.hardest_mixed == range(10, 100)


BROKEN_RULES: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    (
        {**SIMCLR, "transform": MOCHI},
        "transform.negatives must not be 'mochi' without the queue of MoCo, but got method.name='simclr'; "
        "nearest valid negatives: 'none'",
        {**SIMCLR, "transform": {"negatives": "none"}},
    ),
    (
        {"transform": {**MOCHI, "hard_negatives": 1025}},
        "transform.hard_negatives must be at most method.queue_size, but got hard_negatives=1025, queue_size=1024; "
        "nearest valid hard_negatives: 1024",
        {"transform": {**MOCHI, "hard_negatives": 1024}},
    ),
    (
        {"transform": {**MOCHI, "hard_mixtures": 0, "query_mixtures": 0}},
        "negatives=mochi must append mixtures, but got hard_mixtures=0, query_mixtures=0; "
        "nearest valid hard_mixtures: 1",
        {"transform": {**MOCHI, "hard_mixtures": 1, "query_mixtures": 0}},
    ),
    *(
        (
            {**SIMCLR, "mixing": {"name": name}},
            f"mixing.name must be 'none' without the queue of MoCo, but got '{name}' with method.name='simclr'; "
            "nearest valid name: 'none'",
            {**SIMCLR, "mixing": {"name": "none"}},
        )
        for name in ("unmix", "imix", "in_batch_keys")
    ),
    (
        {"transform": MOCHI, "mixing": {"name": "unmix"}},
        "transform.negatives must not be 'mochi' where images are mixed, but got mixing.name='unmix'; "
        "nearest valid negatives: 'none'",
        {"transform": {"negatives": "none"}, "mixing": {"name": "unmix"}},
    ),
    *(
        (
            {"transform": {"positives": "extrapolate"}, "mixing": {"name": name}},
            f"transform.positives must be 'none' .* but got mixing.name='{name}'; nearest valid positives: 'none'",
            {"transform": {"positives": "none", "negatives": "interpolate"}, "mixing": {"name": name}},
        )
        for name in ("imix", "in_batch_keys")
    ),
]


@pytest.mark.parametrize(("broken", "message", "repaired"), BROKEN_RULES)
def test_a_broken_rule_names_the_nearest_valid_value(
    broken: dict[str, Any], message: str, repaired: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match=message):
        make_trial(**broken)
    make_trial(**repaired)


def test_unmix_goes_with_ft() -> None:
    both = {"positives": "extrapolate", "negatives": "interpolate"}
    assert make_trial(transform=both, mixing={"name": "unmix"}).whole.positives_mixed
