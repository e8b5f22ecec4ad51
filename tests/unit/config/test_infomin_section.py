"""InfoMin is MoCo with a temperature of its own."""

import torch

from ftlab.assembly.trial_parts import make_method
from ftlab.config.loading import load_profile, resolve_trial
from ftlab.config.trial import TrialConfig
from ftlab.methods.infomin import InfoMin
from ftlab.study.identity import trial_key


def test_it_is_moco_at_another_temperature() -> None:
    config = TrialConfig.model_validate({"method": {"name": "infomin", "symmetric": True}})
    infomin = make_method(config, 1, torch.device("cpu"))
    assert isinstance(infomin, InfoMin)
    assert (infomin.temperature, infomin.num_directions, infomin.takes_patches) == (0.15, 2, False)


def test_in_a_profile_of_moco_it_keeps_its_own_temperature() -> None:
    config = resolve_trial(load_profile("digits"), {"method.name": "infomin"})
    assert config.shown()["method.temperature"] == 0.15


def test_it_has_keys_of_its_own() -> None:
    moco = TrialConfig.model_validate({"method": {"temperature": 0.15}})
    infomin = TrialConfig.model_validate({"method": {"name": "infomin"}})
    assert trial_key(infomin, "0") != trial_key(moco, "0")
