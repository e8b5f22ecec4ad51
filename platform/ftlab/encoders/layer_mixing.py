"""The mixing of a batch's rows inside an encoder, in a layer that each step chooses."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn


class LayerMixing:
    """Mix each row of a batch with another one, in the input of an encoder or after one of its layers.

    All layers compute a mixture, all but the chosen one with a share of 1 of the row itself, which changes no bit: so
    the host need not know the choice, and a compiled encoder is compiled once.

    Args:
        layers: Layers of one encoder; none mixes its input. Outside `mix` they work as ever.
    """

    def __init__(self, layers: Sequence[nn.Module] = ()) -> None:
        self._num_layers = 1 + len(layers)
        self._mixture: tuple[Tensor, Tensor] | None = None  # partners, and the shares in each layer
        for place, layer in enumerate(layers, start=1):
            layer.register_forward_hook(partial(self._after, place))

    @contextmanager
    def mix(self, inputs: Tensor, partners: Tensor, shares: Tensor, *, generator: torch.Generator) -> Iterator[Tensor]:
        """Choose a layer, and yield the input that the encoder is to be called with meanwhile.

        Args:
            inputs: (n, ...) input of the encoder.
            partners: (n,) int64, the row that each row is mixed with.
            shares: (n,) share of the row itself.
            generator: Source of the choice.
        """
        chosen = torch.randint(self._num_layers, (1, 1), generator=generator, device=generator.device)
        layers = torch.arange(self._num_layers, device=generator.device)[:, None]
        of_layers = torch.where(layers == chosen, shares, 1.0)  # (layers, n)
        self._mixture = partners, of_layers
        try:
            yield _mix_rows(inputs, partners, of_layers[0])
        finally:
            self._mixture = None

    def _after(self, place: int, _layer: nn.Module, _inputs: tuple[Tensor, ...], outputs: Tensor) -> Tensor:
        if self._mixture is None:
            return outputs
        partners, of_layers = self._mixture
        return _mix_rows(outputs, partners, of_layers[place])


def _mix_rows(rows: Tensor, partners: Tensor, shares: Tensor) -> Tensor:
    own = shares.to(rows.dtype).view(-1, *[1] * (rows.dim() - 1))
    # By an index and not index_select(), whose gradient on a GPU has other bits each time.
    return torch.lerp(rows[partners], rows, own)
