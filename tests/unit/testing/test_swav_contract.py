"""The contract of methods, passed by SwAV: with and without a queue, and each part of FT."""

from collections.abc import Mapping
from typing import Any

import pytest

from ftlab.testing.method_contract import MethodContract

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("_one_thread")]

SWAV = {"name": "swav", "num_prototypes": 6, "head_width": 8}
BOTH = {"positives": "extrapolate", "negatives": "interpolate"}


class TestSwAV(MethodContract):
    settings: Mapping[str, Mapping[str, Any]] = {"method": SWAV}
    transform: Mapping[str, Any] = {"positives": "extrapolate"}


class TestSwAVWithMixedPrototypes(TestSwAV):
    transform: Mapping[str, Any] = BOTH

    def test_ft_with_a_coefficient_of_one_is_the_plain_method(self) -> None:
        # But for prototypes that are left out since the predicted one is mixed in, even with a share of 0.
        neutral = {**self.transform, "lambda_extrapolation": [1.0, 1.0], "lambda_interpolation": [1.0, 1.0]}
        plain, mixed = self.trainer(), self.trainer(transform=neutral)
        losses = [next(trainer.steps(0)).losses[0].item() for trainer in (plain, mixed)]
        assert 0.5 * losses[0] < losses[1] < losses[0]


class TestSwAVWithFTAndAQueue(MethodContract):
    settings: Mapping[str, Mapping[str, Any]] = {
        "method": {**SWAV, "queue_size": 21, "queue_start_epoch": 0},
        "transform": {**BOTH, "granularity": "element"},
    }
