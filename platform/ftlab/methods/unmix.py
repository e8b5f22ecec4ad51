"""Un-Mix (arXiv 2003.05438): mixtures of the images of a batch are further queries."""

from collections.abc import Mapping

import torch
from torch import Tensor

from ftlab.contrast.transform import sample_symmetric_beta
from ftlab.methods.batch_mixing import BatchMixing, ContrastQueries, Encode
from ftlab.ranks.exchange import ALONE, Ranks


class UnMix(BatchMixing):
    """Add the loss of mixed queries to that of the plain ones.

    Each image is mixed with the one at its place in its group read backwards, so that the encoded mixtures, read
    backwards, are those of the partners: one forward pass serves both. With share l of an image in its mixture x_m, the
    loss is ``L(x_1, x_2) + l L(x_m, x_2) + (1 - l) L(x_m backwards, x_2)``. Keys are plain, and the negatives of all
    three are the same. The image in the middle of an odd group is mixed with itself. FT mixes plain pairs and the
    negatives, but no pairs of mixtures.

    A step draws l from Beta(alpha, alpha), one for all images. Then it either mixes whole images, or pastes a box of
    the partner at one random place, with sides of sqrt(1 - l), as CutMix does, and l becomes the share of the pixels.

    Args:
        alpha: Both parameters of the distribution of l.
        global_probability: Probability of mixing whole images.
        groups: See `BatchMixing`.
        ranks: See `BatchMixing`.
    """

    streams = ("mixing",)

    def __init__(self, alpha: float, global_probability: float, groups: int = 1, ranks: Ranks = ALONE) -> None:
        super().__init__(groups, ranks)
        self.alpha = alpha
        self.global_probability = global_probability

    def add_loss(
        self,
        loss: Tensor,
        images: Tensor,
        encode: Encode,
        contrast: ContrastQueries,
        streams: Mapping[str, torch.Generator],
    ) -> Tensor:
        """Return the loss with that of the mixtures, about twice as large."""
        shares = self.draw_shares(images.shape[2], images.shape[3], generator=streams["mixing"]).to(images.dtype)
        own_share = shares.mean()
        queries = encode(torch.lerp(self._backwards(images), images, shares))
        mixed = own_share * contrast(queries) + (1.0 - own_share) * contrast(self._backwards(queries))
        return loss + mixed

    def draw_shares(self, height: int, width: int, *, generator: torch.Generator) -> Tensor:
        """Draw the (H, W) shares of an image in the pixels of its mixture, without waiting for the device.

        Args:
            height: H.
            width: W.
            generator: Source of randomness; the step of any ``global_probability`` draws the same numbers.
        """
        share = sample_symmetric_beta(self.alpha, (1,), generator=generator)
        choice, down, across = torch.rand(3, generator=generator, device=generator.device).unbind()
        part = torch.sqrt(1.0 - share)
        box = _span(height, part, down)[:, None] & _span(width, part, across)
        return torch.where(choice < self.global_probability, share, (~box).to(share.dtype))

    def _backwards(self, rows: Tensor) -> Tensor:
        """Return this rank's rows with each group read backwards."""
        groups: Tensor = rows.unflatten(0, (self.groups // self.ranks.size, -1))
        return groups.flip(1).flatten(0, 1)


def _span(length: int, part: Tensor, centre: Tensor) -> Tensor:
    """Return which of ``length`` places a part of them covers, around a centre in [0, 1), cut off at the ends."""
    half = torch.floor(length * part).div(2, rounding_mode="floor")
    middle = torch.floor(length * centre)
    places = torch.arange(length, device=part.device)
    return (places >= middle - half) & (places < middle + half)
