"""L2 norms of the layers' weight gradients, added up on the device."""

import torch
from torch import Tensor, nn

LAYERS = (nn.Conv2d, nn.Linear)


class GradientNorms:
    """The norms of an encoder's convolution and linear layers.

    Args:
        encoder: Its layers are taken in the order of their definition, from the images upwards.
    """

    def __init__(self, encoder: nn.Module) -> None:
        layers = {name: module for name, module in encoder.named_modules() if isinstance(module, LAYERS)}
        self.names = tuple(layers)
        self._weights = [layer.weight for layer in layers.values()]

    @torch.no_grad()
    def measure(self) -> Tensor:
        """Return the (layers,) norms of the gradients as they are now, without waiting for the device."""
        gradients = [weight.grad for weight in self._weights if weight.grad is not None]
        return torch.stack(torch._foreach_norm(gradients))
