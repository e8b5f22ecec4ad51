"""The parts of a method: groups of parameters that move in a way of their own, and weights that a seed decides."""

import pytest
import torch
from torch import nn

from ftlab.assembly.trial_parts import make_trainer
from ftlab.contrast.transform import FeatureTransform
from ftlab.methods.method import MethodParts, ParameterGroup
from ftlab.methods.moco import MoCo
from ftlab.testing.method_contract import CPU, make_images, trial_config


def halves_of(method: MoCo) -> list[ParameterGroup]:
    parameters = list(method.encoder.parameters())
    return [
        ParameterGroup(parameters[:4]),
        ParameterGroup(parameters[4:], decays=False, follows_schedule=False),
    ]


def test_a_group_decays_and_follows_the_schedule_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MoCo, "parameter_groups", halves_of)
    config = trial_config({"method": {"queue_size": 8}, "train": {"weight_decay": 0.1, "learning_rate": 0.5}})
    trainer = make_trainer(config, make_images(), CPU)
    assert [group["weight_decay"] for group in trainer.optimizer.param_groups] == [0.1, 0.0]
    next(trainer.steps(1))
    scheduled = trainer.schedule.learning_rate(1)
    assert scheduled < 0.5
    assert [group["lr"] for group in trainer.optimizer.param_groups] == [scheduled, 0.5]
    assert len(trainer.method.trained_parameters()) == len(list(trainer.method.encoder.parameters()))


def test_one_group_moves_as_two_of_the_same_kind_do(monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    for groups in (1, 2):
        if groups == 2:
            monkeypatch.setattr(
                MoCo, "parameter_groups", lambda method: [ParameterGroup(half.parameters) for half in halves_of(method)]
            )
        trainer = make_trainer(trial_config({"method": {"queue_size": 8}}), make_images(), CPU)
        next(trainer.epochs())
        states.append(trainer.method.state_dict())
    assert all(torch.equal(states[0][name], value) for name, value in states[1].items())


def test_a_part_has_the_weights_of_its_purpose_and_leaves_the_global_generator_alone() -> None:
    parts = MethodParts(
        make_encoder=lambda _=None: NotImplemented,
        feature_dim=2,
        transform=FeatureTransform(),
        transform_epochs=range(0),
        precision=torch.float32,
        make_generator=lambda purpose: torch.Generator().manual_seed(len(purpose)),
    )
    before = torch.get_rng_state()
    first, same, other = (parts.seeded(purpose, lambda: nn.Linear(2, 2)) for purpose in ("one", "two", "three"))
    assert torch.equal(first.weight, same.weight)
    assert not torch.equal(first.weight, other.weight)
    assert torch.equal(torch.get_rng_state(), before)
