"""Our SGD against torch's: the same bits, the same state, and no compiler imported."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from ftlab.training.sgd import SGD
from ftlab.training.trainer import Trainer

SETTINGS = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}


def groups_of_two() -> list[dict[str, Any]]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((4, 3, 3, 3), (4,), (5, 4), (5,))
    parameters = [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    parameters[0].data = parameters[0].data.contiguous(memory_format=torch.channels_last)
    return [{"params": parameters[:2]}, {"params": parameters[2:], "weight_decay": 0.0}]


def give_gradients(groups: list[dict[str, Any]], step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    for group in groups:
        for parameter in group["params"]:
            # Of the last one, none in the first step.
            drawn = torch.randn(parameter.shape, generator=generator)
            frozen = step == 0 and parameter.shape == (5, 4)
            parameter.grad = None if frozen else torch.empty_like(parameter).copy_(drawn).detach()


def step_both(ours: SGD, theirs: torch.optim.SGD, steps: range) -> None:
    for step in steps:
        for optimizer in (ours, theirs):
            give_gradients(optimizer.param_groups, step)
            optimizer.step()


def assert_equal(ours: SGD, theirs: torch.optim.SGD) -> None:
    for own, other in zip(ours.param_groups, theirs.param_groups, strict=True):
        for mine, yours in zip(own["params"], other["params"], strict=True):
            assert torch.equal(mine, yours)
            if ours.state:
                assert torch.equal(ours.state[mine]["momentum_buffer"], theirs.state[yours]["momentum_buffer"])


@pytest.mark.parametrize("momentum", [0.9, 0.0])
def test_it_moves_as_torchs_does(momentum: float) -> None:
    settings = {**SETTINGS, "momentum": momentum}
    ours, theirs = SGD(groups_of_two(), **settings), torch.optim.SGD(groups_of_two(), **settings, fused=True)
    for optimizer in (ours, theirs):  # a step without the frozen one, which torch's can only take in another group
        optimizer.param_groups[1]["lr"] = 0.05
    step_both(ours, theirs, range(1, 4))
    assert_equal(ours, theirs)


def test_a_parameter_begins_with_its_first_gradient() -> None:
    late, early = SGD(groups_of_two(), **SETTINGS), SGD(groups_of_two(), **SETTINGS)
    weight = late.param_groups[1]["params"][0]
    before = weight.detach().clone()
    give_gradients(late.param_groups, 0)
    late.step()
    assert torch.equal(weight, before)
    assert weight not in late.state
    for optimizer in (late, early):
        give_gradients(optimizer.param_groups, 1)
        optimizer.step()
    assert torch.equal(weight, early.param_groups[1]["params"][0])


def test_states_go_from_torchs_to_ours_and_back() -> None:
    ours, theirs = SGD(groups_of_two(), **SETTINGS), torch.optim.SGD(groups_of_two(), **SETTINGS, fused=True)
    step_both(ours, theirs, range(1, 3))
    fresh, torchs = (
        SGD(groups_of_two(), lr=1.0, momentum=0.0, weight_decay=1.0),
        torch.optim.SGD(groups_of_two(), lr=1.0),
    )
    fresh.load_state_dict(theirs.state_dict())
    torchs.load_state_dict(ours.state_dict())
    for group in torchs.param_groups:  # how it is computed is no part of our state
        group["fused"] = True
    assert [group["lr"] for group in fresh.param_groups] == [0.1, 0.1]
    for optimizer, source in ((fresh, theirs), (torchs, ours)):
        for own, other in zip(optimizer.param_groups, source.param_groups, strict=True):
            for mine, yours in zip(own["params"], other["params"], strict=True):
                mine.data.copy_(yours.data)
    step_both(fresh, torchs, range(3, 5))
    assert_equal(fresh, torchs)


def test_a_state_of_other_groups_is_refused() -> None:
    state = SGD([{"params": [nn.Parameter(torch.ones(1))]}], **SETTINGS).state_dict()
    with pytest.raises(ValueError, match=r"must have \[2, 2\] parameters, but got \[1\]"):
        SGD(groups_of_two(), **SETTINGS).load_state_dict(state)


def test_gradients_are_forgotten_or_made_zero() -> None:
    optimizer = SGD(groups_of_two(), **SETTINGS)
    weight = optimizer.param_groups[0]["params"][0]
    give_gradients(optimizer.param_groups, 0)
    optimizer.zero_grad(set_to_none=False)
    assert weight.grad.abs().sum() == 0
    optimizer.zero_grad()
    assert weight.grad is None


def test_a_trainer_has_it_unless_told_otherwise(build_trainer: Callable[..., Trainer]) -> None:
    assert isinstance(build_trainer().optimizer, SGD)


@pytest.mark.slow
def test_training_imports_no_compiler() -> None:
    program = (
        "import sys; from ftlab.assembly.trial_parts import make_trainer;"
        "from ftlab.testing.method_contract import CPU, make_images, trial_config;"
        "config = trial_config({'method': {'queue_size': 8}});"
        "list(make_trainer(config, make_images(), CPU).epochs());"
        "assert not {'torch._dynamo', 'sympy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
