"""The contract of methods, passed by the built-in ones and failed by those that break it."""

from collections.abc import Mapping
from typing import Any

import pytest
import torch

from ftlab.methods.moco import MoCo, MoCoResult
from ftlab.testing.method_contract import MethodContract

pytestmark = pytest.mark.usefixtures("_one_thread")


class TestMoCo(MethodContract):
    settings: Mapping[str, Mapping[str, Any]] = {"method": {"queue_size": 20}}
    transform: Mapping[str, Any] = {"positives": "extrapolate", "negatives": "interpolate"}


class TestSimCLR(MethodContract):
    settings: Mapping[str, Mapping[str, Any]] = {"method": {"name": "simclr"}}
    transform: Mapping[str, Any] = {"positives": "extrapolate"}


class TestSimCLRWithMixedNegatives(TestSimCLR):
    transform: Mapping[str, Any] = {"positives": "extrapolate", "negatives": "interpolate"}

    def test_ft_with_a_coefficient_of_one_is_the_plain_method(self) -> None:
        # But for negatives that are left out since a view of the anchor's image is mixed in, even with a share of 0.
        neutral = {**self.transform, "lambda_extrapolation": [1.0, 1.0], "lambda_interpolation": [1.0, 1.0]}
        plain, mixed = self.trainer(), self.trainer(transform=neutral)
        losses = [next(trainer.steps(0)).losses[0].item() for trainer in (plain, mixed)]
        assert 0.8 * losses[0] < losses[1] < losses[0]


class TestBrokenMethods:
    def test_randomness_of_its_own_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        step = MoCo.step

        def noisy(self: MoCo, *arguments: Any) -> MoCoResult:
            with torch.no_grad():
                self.key_encoder.projection_head[0].bias.add_(torch.rand(1))
            return step(self, *arguments)

        monkeypatch.setattr(MoCo, "step", noisy)
        with pytest.raises(AssertionError):
            TestMoCo().test_the_same_trial_gives_the_same_bits()

    def test_state_outside_the_state_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        step = MoCo.step

        def counting(self: MoCo, *arguments: Any) -> MoCoResult:
            self.temperature *= 1.01
            return step(self, *arguments)

        monkeypatch.setattr(MoCo, "step", counting)
        TestMoCo().test_the_same_trial_gives_the_same_bits()
        with pytest.raises(AssertionError):
            TestMoCo().test_resuming_is_bit_identical()

    def test_a_statistic_that_is_not_measured_is_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(MoCo, "statistics", MoCo.statistics[:-1])
        TestMoCo().test_it_measures_what_it_declares()
        monkeypatch.setattr(MoCo, "_measure", lambda *_: {})
        with pytest.raises(KeyError):
            TestMoCo().test_it_measures_what_it_declares()

    def test_gradients_that_are_not_finite_are_found(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ftlab.methods.moco.info_nce", _steep)
        with pytest.raises(AssertionError):
            TestMoCo().test_every_gradient_is_finite_and_there()


def _steep(queries: torch.Tensor, *_: Any) -> Any:
    # The square root has no slope at 0, while its value is finite.
    loss = (queries.sum() * 0.0).abs().sqrt()
    return loss, TestMoCo  # the moments are never looked at
