"""Trainings of plain methods beside those of lightly's modules: the same weights and views, step after step."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

pytestmark = pytest.mark.peers
pytest.importorskip("lightly", reason="lightly is not installed: make test-peers installs it")

from _lightly_methods import LightlyMethod, LightlyMoCo, LightlySimSiam, LightlySwAV, make_lightly  # noqa: E402

from ftlab.assembly.trial_parts import make_method, make_optimizer  # noqa: E402
from ftlab.config.trial import TrialConfig  # noqa: E402
from ftlab.methods.method import PretrainingMethod, Views  # noqa: E402

N, DIM, STEPS = 16, 8, 50
CPU = torch.device("cpu")
LEARNING_RATE, DECAY = 0.1, 5e-4

Step = Callable[[Tensor, Tensor], Tensor]


def config_of(**method: Any) -> TrialConfig:
    return TrialConfig.model_validate(
        {
            "model": {"width": 6, "depth": 2, "feature_dim": DIM, "bn_groups": 1},
            "train": {"batch_size": N, "learning_rate": LEARNING_RATE, "weight_decay": DECAY},
            "method": method,
        }
    )


def our_step(method: PretrainingMethod[Any], optimizer: torch.optim.Optimizer) -> Step:
    streams = {name: torch.Generator() for name in method.streams}

    def step(first: Tensor, second: Tensor) -> Tensor:
        result = method.step(Views((first, second), torch.arange(N)), streams, 0)
        take(optimizer, result.loss)
        method.update(result)
        return result.loss

    return step


def their_step(method: LightlyMethod, optimizer: torch.optim.Optimizer) -> Step:
    def step(first: Tensor, second: Tensor) -> Tensor:
        loss: Tensor = method(first, second)
        take(optimizer, loss)
        return loss

    return step


def take(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def losses_of(step: Step) -> list[float]:
    """Return the losses of steps on views that change from step to step, in float64."""
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(N, 1, 8, 8, generator=generator, dtype=torch.float64)
    noise = 0.1 * torch.randn(STEPS, 2, *images.shape, generator=generator, dtype=torch.float64)
    return [step(images + first, images + second).item() for first, second in noise]


@torch.no_grad()
def take_over(peer: nn.Module, ours: nn.Module) -> None:
    for own, other in zip(ours.parameters(), peer.parameters(), strict=True):
        other.copy_(own)


def make_pair(config: TrialConfig) -> tuple[PretrainingMethod[Any], LightlyMethod]:
    """Return our method and lightly's in float64, with the same weights in their encoders."""
    ours = make_method(config, 1, CPU).double().train()
    peer = make_lightly(config.method, ours.encoder, DIM).double().train()
    take_over(peer.encoder, ours.encoder)
    return ours, peer


def assert_same_losses(
    config: TrialConfig, ours: PretrainingMethod[Any], peer: LightlyMethod, undecayed: tuple[nn.Parameter, ...] = ()
) -> None:
    found = losses_of(our_step(ours, make_optimizer(config, ours)))
    decayed = [
        parameter
        for parameter in peer.parameters()
        if parameter.requires_grad and not any(parameter is other for other in undecayed)
    ]
    groups = [{"params": decayed}, {"params": list(undecayed), "weight_decay": 0.0}]
    expected = losses_of(their_step(peer, torch.optim.SGD(groups, LEARNING_RATE, momentum=0.9, weight_decay=DECAY)))
    assert max(expected) - min(expected) > 0.1
    assert found == pytest.approx(expected, rel=0, abs=1e-8)


def test_moco() -> None:
    # Of whole batches: lightly's bank drops the keys that do not fit before its end.
    config = config_of(name="moco", queue_size=3 * N, temperature=0.2, key_momentum=0.9)
    ours, peer = make_pair(config)
    assert isinstance(peer, LightlyMoCo)
    take_over(peer.key_encoder, ours.key_encoder)
    peer.criterion.memory_bank.bank.copy_(ours.queue.keys)
    assert_same_losses(config, ours, peer)


def test_simclr() -> None:
    config = config_of(name="simclr", temperature=0.1)
    ours, peer = make_pair(config)
    # lightly's example encodes each view by itself, so each is normalised by itself; the authors' code does as ours.
    peer.encoded_together = True
    assert_same_losses(config, ours, peer)


def test_swav() -> None:
    config = config_of(name="swav", num_prototypes=12, head_width=10)
    ours, peer = make_pair(config)
    assert isinstance(peer, LightlySwAV)
    # As for SimCLR.
    peer.encoded_together = True
    take_over_prototypes(peer, ours)
    assert_same_losses(config, ours, peer, (peer.prototypes.heads[0].weight,))


def test_simsiam() -> None:
    config = config_of(name="simsiam", projector_layers=3, head_width=12, predictor_width=4)
    ours, peer = make_pair(config)
    assert isinstance(peer, LightlySimSiam)
    take_over(peer.predictor, ours.predictor)
    assert_same_losses(config, ours, peer)


@torch.no_grad()
def take_over_prototypes(peer: LightlySwAV, ours: nn.Module) -> None:
    """Give the peer our prototypes; its own have a bias, which the authors' code has not, and which stays zero."""
    (head,) = peer.prototypes.heads
    head.weight.copy_(ours.prototypes.weight)
    head.bias.zero_().requires_grad_(False)
