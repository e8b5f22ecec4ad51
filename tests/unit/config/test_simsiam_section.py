"""The settings of SimSiam: those with an effect, since when, and what it refuses."""

from typing import Any

import pytest

from ftlab.config.trial import TrialConfig
from ftlab.study.identity import prefix_keys, prefix_spans, trial_key

FINGERPRINT = "0123456789abcdef"


def make_trial(transform: dict[str, Any] | None = None, **method: Any) -> TrialConfig:
    sections = {"train": {"epochs": 10}, "method": {"name": "simsiam", **method}, "transform": transform or {}}
    return TrialConfig.model_validate(sections)


def shared_epochs(first: TrialConfig, second: TrialConfig) -> int:
    pairs = zip(prefix_keys(first, FINGERPRINT), prefix_keys(second, FINGERPRINT), strict=True)
    return sum(one == other for one, other in pairs)


def test_the_head_of_the_model_has_no_effect() -> None:
    assert "model.head" not in make_trial().shown()
    linear = TrialConfig.model_validate({"method": {"name": "simsiam"}, "model": {"head": "linear"}})
    plain = TrialConfig.model_validate({"method": {"name": "simsiam"}})
    assert trial_key(linear, FINGERPRINT) == trial_key(plain, FINGERPRINT)


def test_the_query_of_negatives_has_no_effect() -> None:
    config = make_trial({"positives": "extrapolate"})
    assert "transform.query_for_negatives" not in config.shown()
    assert config.effective()["transform.positives"] == "extrapolate"


def test_a_factor_of_one_has_no_effect_and_is_the_reason() -> None:
    plain, later = make_trial(), make_trial(loss_scale_start=0.5)
    assert trial_key(plain, FINGERPRINT) == trial_key(later, FINGERPRINT)
    assert not {"method.loss_scale", "method.loss_scale_start"} & plain.effective().keys()
    assert later.shown()["method.loss_scale"] == 1.0
    assert "method.loss_scale_start" not in later.shown()


def test_the_control_shares_the_plain_epochs_with_ft_that_begins_with_it() -> None:
    plain, control = make_trial(), make_trial(loss_scale=2.6, loss_scale_start=0.3)
    mixed = make_trial({"positives": "extrapolate", "start": 0.3})
    assert [shared_epochs(*pair) for pair in ((plain, control), (plain, mixed), (control, mixed))] == [3, 3, 3]
    assert [epochs.start for _, epochs in prefix_spans(control, FINGERPRINT)] == [1, 4, 10]
    assert control.effective()["method.loss_scale_start"] == 3
    assert control.shown()["method.loss_scale_start"] == 0.3
    assert trial_key(make_trial(loss_scale=2.6, loss_scale_start=0.31), FINGERPRINT) == trial_key(control, FINGERPRINT)


@pytest.mark.parametrize("start", [0.0, 1e-9, 0.04, 0.3, 0.55, 1.0])
def test_a_factor_begins_in_the_epoch_in_which_ft_begins(start: float) -> None:
    config = make_trial({"positives": "extrapolate", "start": start}, loss_scale=2.0, loss_scale_start=start)
    assert config.method.scaled_epochs(10) == config.transform.epochs_on(10)  # type: ignore[attr-defined]


def test_a_factor_that_never_begins_has_no_effect() -> None:
    never = make_trial(loss_scale=2.0, loss_scale_start=1.0)
    assert trial_key(never, FINGERPRINT) == trial_key(make_trial(), FINGERPRINT)
    assert never.shown()["method.loss_scale_start"] == 1.0


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (
            {"negatives": "interpolate"},
            "transform.negatives must be 'none' for a method without negatives, but got negatives='interpolate'; "
            "nearest valid negatives: 'none'.",
        ),
        (
            {"positives": "extrapolate", "query_for_negatives": "original"},
            "transform.query_for_negatives must be 'transformed' for a method without negatives, but got "
            "query_for_negatives='original'; nearest valid query_for_negatives: 'transformed'.",
        ),
    ],
)
def test_what_mixes_negatives_is_refused(transform: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_trial(transform)


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("projector_layers", 1, "greater than or equal to 2"),
        ("projector_layers", 4, "less than or equal to 3"),
        ("projector_layers", 2.5, "valid integer"),
        ("head_width", 0, "greater than or equal to 1"),
        ("predictor_width", 0, "greater than or equal to 1"),
        ("predictor_rate", "decayed", "'constant' or 'scheduled'"),
        ("loss_scale", 0.0, "greater than or equal to 0.000001"),
        ("loss_scale_start", 1.5, "less than or equal to 1"),
        ("temperature", 0.1, "Extra inputs"),
    ],
)
def test_values_out_of_bounds_are_refused(setting: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_trial(**{setting: value})
