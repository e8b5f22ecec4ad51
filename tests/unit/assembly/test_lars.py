"""The optimisers: LARS against its rule written number by number, and how a trial chooses it."""

from typing import Any

import pytest
import torch
from timm.optim.lars import Lars
from torch import Tensor, nn

from ftlab.assembly.trial_parts import make_optimizer, make_trainer
from ftlab.config.trial import TrialConfig
from ftlab.methods.method import ParameterGroup
from ftlab.testing.method_contract import CPU, make_images, trial_config
from ftlab.training.sgd import SGD

RATE, MOMENTUM, DECAY, TRUST = 0.3, 0.9, 0.1, 1e-3
RULE = {"optimizer": "lars", "learning_rate": RATE, "sgd_momentum": MOMENTUM, "weight_decay": DECAY}
LARS = TrialConfig.model_validate({"train": RULE})
SIMSIAM: dict[str, Any] = {
    "method": {"name": "simsiam", "head_width": 8, "predictor_width": 4},
    "train": {"optimizer": "lars", "learning_rate": RATE},
}


class Grouped:
    """What an optimiser asks of a method: a weight and a bias that decay, and a weight that does not."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        shapes = ((3, 2), (2,), (2, 2))
        self.parameters = [nn.Parameter(torch.randn(shape, generator=generator).double()) for shape in shapes]

    def parameter_groups(self) -> list[ParameterGroup]:
        return [ParameterGroup(self.parameters[:2]), ParameterGroup(self.parameters[2:], decays=False)]


def length(values: list[float]) -> float:
    return sum(value * value for value in values) ** 0.5


def lars_by_loops(start: Tensor, gradients: list[Tensor], decay: float, adapts: bool) -> list[float]:
    """Return the entries of a parameter after a step for each gradient."""
    values: list[float] = start.flatten().tolist()
    speeds = [0.0] * len(values)
    for gradient in gradients:
        slopes: list[float] = gradient.flatten().tolist()
        trust = TRUST * length(values) / (length(slopes) + decay * length(values)) if adapts else 1.0
        for place, slope in enumerate(slopes):
            speeds[place] = MOMENTUM * speeds[place] + trust * (slope + decay * values[place])
        values = [value - RATE * speed for value, speed in zip(values, speeds, strict=True)]
    return values


def test_lars_adapts_and_decays_weights_and_neither_biases_nor_normalisations() -> None:
    method: Any = Grouped()
    starts = [parameter.detach().clone() for parameter in method.parameters]
    gradients = [
        [torch.full_like(start, 0.5 + place + step) for step in range(3)] for place, start in enumerate(starts)
    ]
    optimizer = make_optimizer(LARS, method)
    assert isinstance(optimizer, Lars)
    for step in range(3):
        for parameter, of_steps in zip(method.parameters, gradients, strict=True):
            parameter.grad = of_steps[step].clone()
        optimizer.step()
    for place, (decay, adapts) in enumerate([(DECAY, True), (0.0, False), (0.0, True)]):
        expected = lars_by_loops(starts[place], gradients[place], decay, adapts)
        assert method.parameters[place].flatten().tolist() == pytest.approx(expected, abs=1e-6)


def test_sgd_is_the_default_and_decays_all_but_what_a_method_spares() -> None:
    method: Any = Grouped()
    optimizer = make_optimizer(TrialConfig.model_validate({"train": {"weight_decay": DECAY}}), method)
    assert isinstance(optimizer, SGD)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [DECAY, 0.0]


def test_lars_without_timm_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ftlab.config.sections.train_section.find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"needs timm, which is not installed: pip install timm; nearest .*'sgd'"):
        TrialConfig.model_validate({"train": RULE})


def test_each_parameter_keeps_the_schedule_of_its_group() -> None:
    trainer = make_trainer(trial_config(SIMSIAM), make_images(), CPU)
    next(trainer.steps(1))
    scheduled = trainer.schedule.learning_rate(1)
    assert scheduled < RATE
    encoder = {id(parameter) for parameter in trainer.method.encoder.parameters()}
    rates = {id(parameter): group["lr"] for group in trainer.optimizer.param_groups for parameter in group["params"]}
    assert rates.keys() == {id(parameter) for parameter in trainer.method.trained_parameters()}
    assert all(rate == (scheduled if parameter in encoder else RATE) for parameter, rate in rates.items())


@pytest.mark.slow
def test_resuming_with_lars_is_bit_identical() -> None:
    whole, stopped, fresh = (make_trainer(trial_config(SIMSIAM), make_images(), CPU) for _ in range(3))
    list(whole.epochs())
    next(stopped.epochs())
    fresh.load_state_dict(stopped.state_dict())
    list(fresh.epochs())
    state = fresh.method.state_dict()
    assert all(torch.equal(state[name], value) for name, value in whole.method.state_dict().items())
