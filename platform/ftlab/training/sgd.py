"""Stochastic gradient descent with momentum, without the compiler that torch's optimisers import."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

BUFFER = "momentum_buffer"


class SGD:
    """`torch.optim.SGD` with ``fused=True``, bit for bit, and with the same state.

    Whoever builds one of torch's optimisers imports torch's compiler, which takes seconds in every process, and on a
    small encoder their step takes longer to look at its groups than to move them.

    Args:
        groups: Each with its ``params``, all of one dtype, and what differs from the settings below.
        lr: Learning rate; the trainer sets that of each group.
        momentum: Momentum of the gradient, in [0, 1).
        weight_decay: Added to the gradient, times the parameter.

    Attributes:
        param_groups: The groups with all their settings.
        state: The momentum buffer of each parameter that has been moved.
    """

    def __init__(self, groups: Iterable[Mapping[str, Any]], *, lr: float, momentum: float, weight_decay: float) -> None:
        self.param_groups: list[dict[str, Any]] = [
            {"lr": lr, "momentum": momentum, "dampening": 0.0, "weight_decay": weight_decay, **group}
            for group in groups
        ]
        self.state: dict[Tensor, dict[str, Tensor]] = {}

    def zero_grad(self, *, set_to_none: bool = True) -> None:
        """Forget the gradients, or make them zero."""
        for parameter in self._parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.zero_()

    @torch.no_grad()
    def step(self) -> None:
        """Move each parameter that has a gradient: ``v <- momentum v + gradient + decay w``, ``w <- w - lr v``."""
        for group in self.param_groups:
            moving = [parameter for parameter in group["params"] if parameter.grad is not None]
            known = [parameter for parameter in moving if parameter in self.state]
            self._move(known, group, is_first=False)
            if len(known) < len(moving):
                self._move([parameter for parameter in moving if parameter not in self.state], group, is_first=True)

    def state_dict(self) -> dict[str, Any]:
        """Return settings and buffers, with parameters by their number, as torch does."""
        numbers = {parameter: number for number, parameter in enumerate(self._parameters())}
        return {
            "state": {numbers[parameter]: dict(state) for parameter, state in self.state.items()},
            "param_groups": [
                {**group, "params": [numbers[parameter] for parameter in group["params"]]}
                for group in self.param_groups
            ],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state, of this class or of `torch.optim.SGD`.

        Raises:
            ValueError: It is of other groups.
        """
        saved_groups, parameters = state["param_groups"], list(self._parameters())
        sizes = [[len(group["params"]) for group in groups] for groups in (self.param_groups, saved_groups)]
        if sizes[0] != sizes[1]:
            raise ValueError(f"the groups of an optimiser must have {sizes[0]} parameters, but got {sizes[1]}.")
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            group.update({name: saved[name] for name in ("lr", "momentum", "weight_decay")})
        buffers = {parameters[number]: saved.get(BUFFER) for number, saved in state["state"].items()}
        self.state = {
            parameter: {BUFFER: buffer.to(parameter)} for parameter, buffer in buffers.items() if buffer is not None
        }

    def _parameters(self) -> Iterator[Tensor]:
        return (parameter for group in self.param_groups for parameter in group["params"])

    def _move(self, parameters: list[Tensor], group: Mapping[str, Any], *, is_first: bool) -> None:
        if not parameters:
            return
        gradients: list[Any] = [parameter.grad for parameter in parameters]
        has_momentum = group["momentum"] != 0.0
        if is_first and has_momentum:
            self.state |= {
                parameter: {BUFFER: torch.empty_like(gradient)}
                for parameter, gradient in zip(parameters, gradients, strict=True)
            }
        torch._fused_sgd_(
            parameters,
            gradients,
            [self.state[parameter][BUFFER] for parameter in parameters] if has_momentum else [],
            weight_decay=group["weight_decay"],
            momentum=group["momentum"],
            lr=group["lr"],
            dampening=group["dampening"],
            nesterov=False,
            maximize=False,
            is_first_step=is_first and has_momentum,
        )
