"""i-Mix (arXiv 2010.08887): queries of mixed images, drawn to the keys of both; and Manifold Mixup (1806.05236)."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ftlab.contrast.transform import mix, sample_symmetric_beta
from ftlab.encoders.encoder import Encoder
from ftlab.encoders.layer_mixing import LayerMixing
from ftlab.methods.batch_mixing import Encode, InBatchKeys, Targets
from ftlab.ranks.exchange import ALONE, Ranks


class IMix(InBatchKeys):
    """Mix the images of the queries, and their labels alike.

    Image i is mixed with that at a random place r(i) of its group: ``l_i x_i + (1 - l_i) x_r(i)``. Each image draws an
    l_i from Beta(alpha, alpha), and takes 1 - l_i if that is larger. Its label is its own key, among those of the batch
    and the queue, so the loss is ``l_i CE(q_i, k_i) + (1 - l_i) CE(q_i, k_r(i))``: the cross entropy with the key
    ``l_i k_i + (1 - l_i) k_r(i)``, since both have the same candidates. Keys are of plain images.

    Manifold Mixup mixes supervised features in a random layer. As i-Mix's authors do, it takes the labels of i-Mix
    here: each step draws one of the layers, the images among them, for all images.

    Args:
        alpha: Both parameters of the distribution of l.
        random_layer: Whether a random layer is mixed instead of the images.
        groups: See `BatchMixing`.
        ranks: See `BatchMixing`.
    """

    streams = ("mixing",)

    def __init__(self, alpha: float, *, random_layer: bool = False, groups: int = 1, ranks: Ranks = ALONE) -> None:
        super().__init__(groups, ranks)
        self.alpha = alpha
        self.random_layer = random_layer
        self._layers = LayerMixing()

    def attach(self, encoder: Encoder) -> None:
        """Get to know the layers of the encoder of the queries."""
        if self.random_layer:
            self._layers = LayerMixing(encoder.mixable_layers)

    def encode_queries(
        self, images: Tensor, encode: Encode, streams: Mapping[str, torch.Generator]
    ) -> tuple[Tensor, Targets]:
        """Return this rank's (n, C) queries of mixed images, and the mixing of their keys."""
        partners, shares = self.draw(len(images), generator=streams["mixing"])
        with self._layers.mix(images, partners, shares, generator=streams["mixing"]) as mixed:
            queries = encode(mixed)
        return queries, lambda keys: mix(keys, keys[partners], shares[:, None].to(keys.dtype))

    def draw(self, count: int, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw the (n,) partners of this rank's images, as places among them, and the (n,) shares of the images.

        Args:
            count: n.
            generator: Source of those of the whole batch.
        """
        device, size = generator.device, count * self.ranks.size // self.groups
        drawn = sample_symmetric_beta(self.alpha, (count * self.ranks.size, 1), generator=generator)
        shares = torch.maximum(drawn, 1.0 - drawn)
        # A permutation of each group.
        orders = torch.rand(self.groups, size, generator=generator, device=device).argsort(dim=1)
        own = self.ranks.own(orders)
        partners = own + size * torch.arange(own.shape[0], device=device)[:, None]
        return partners.flatten(), self.ranks.own(shares).squeeze(1)
