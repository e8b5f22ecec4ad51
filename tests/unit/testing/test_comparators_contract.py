"""The contract of methods, passed by MoCo with what FT is compared with."""

from collections.abc import Mapping
from typing import Any

import pytest

from ftlab.testing.method_contract import MethodContract

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_one_thread")]

MOCO = {"queue_size": 20}
BFLOAT16 = {"train": {"epochs": 2, "batch_size": 8, "precision": "bfloat16"}}


class TestMoCHi(MethodContract):
    settings: Mapping[str, Mapping[str, Any]] = {"method": MOCO}
    transform: Mapping[str, Any] = {
        "negatives": "mochi",
        "positives": "extrapolate",
        "hard_negatives": 6,
        "hard_mixtures": 4,
        "query_mixtures": 2,
    }

    def test_ft_with_a_coefficient_of_one_is_the_plain_method(self) -> None:
        # But for the mixtures that are appended.
        neutral = {**self.transform, "lambda_extrapolation": [1.0, 1.0]}
        losses = [
            next(trainer.steps(0)).losses[0].item() for trainer in (self.trainer(), self.trainer(transform=neutral))
        ]
        assert losses[0] < losses[1]

    def test_ranks_mix_the_hardest_as_one_process_does(self) -> None:
        self.settings = {**self.settings, "transform": {**self.transform, "groups": 2}}
        self.test_ranks_train_what_one_process_trains()
        self.settings = {**self.settings, "transform": self.transform}
        self.test_ranks_train_what_one_process_trains()


class TestUnMix(MethodContract):
    settings: Mapping[str, Mapping[str, Any]] = {"method": MOCO, "mixing": {"name": "unmix"}}
    transform: Mapping[str, Any] = {"positives": "extrapolate", "negatives": "interpolate"}


class TestIMix(MethodContract):
    settings: Mapping[str, Mapping[str, Any]] = {"method": MOCO, "mixing": {"name": "imix"}}
    transform: Mapping[str, Any] = {"negatives": "interpolate"}


class TestManifoldMixup(MethodContract):
    settings: Mapping[str, Mapping[str, Any]] = {"method": MOCO, "mixing": {"name": "imix", "layers": "random"}}
    transform: Mapping[str, Any] = {"negatives": "interpolate"}


class TestInBatchKeys(MethodContract):
    settings: Mapping[str, Mapping[str, Any]] = {"method": MOCO, "mixing": {"name": "in_batch_keys"}}


class TestUnMixInBfloat16(TestUnMix):
    settings: Mapping[str, Mapping[str, Any]] = {**TestUnMix.settings, **BFLOAT16}
    num_ranks = 1  # the parts of a batch are rounded before they are averaged


class TestManifoldMixupInBfloat16(TestManifoldMixup):
    settings: Mapping[str, Mapping[str, Any]] = {**TestManifoldMixup.settings, **BFLOAT16}
    num_ranks = 1
