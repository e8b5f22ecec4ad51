"""The two views of each image side by side, for methods that treat both alike."""

import torch
from torch import Tensor

from ftlab.contrast.transform import PositiveTransform
from ftlab.methods.method import Views
from ftlab.ranks.exchange import Ranks


def side_by_side(views: Views) -> Tensor:
    """Return the (2n, channels, H, W) first two views of n images, those of an image in a row.

    So a group of batch normalisation holds both views of its images on any number of ranks.
    """
    return torch.stack(views.images[:2], dim=1).flatten(0, 1)


def other_views(rows: Tensor) -> Tensor:
    """Return, in the place of each view, the row of the other one of its image."""
    pairs: Tensor = rows.unflatten(0, (-1, 2))
    return pairs.flip(1).flatten(0, 1)


def pair_coefficients(
    positives: PositiveTransform, features: Tensor, *, generator: torch.Generator, ranks: Ranks
) -> Tensor:
    """Draw the coefficients of (2n, C) views side by side, one a pair for both; they have a row for each view."""
    drawn = positives.coefficients(features[::2], generator=generator, ranks=ranks)
    return drawn.expand(len(features) // 2, -1).repeat_interleave(2, dim=0)
