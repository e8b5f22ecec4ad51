"""Draw the patches of an epoch's images."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ftlab.data.cache.residency import ResidentImages
from ftlab.data.views.patches import NUM_PATCHES, sample_patches, whole_size
from ftlab.data.views.two_views import ViewParameters
from ftlab.ranks.exchange import Ranks

Render = Callable[[Tensor, ViewParameters], Tensor]


def draw_patches(
    batches: Sequence[Tensor],
    train: ResidentImages,
    ranks: Ranks,
    generator: torch.Generator,
    view_size: int,
    render: Render,
) -> Callable[[int], Tensor]:
    """Return a function from a step to the patches of this rank's images, to be called step after step; see `Views`.

    Args:
        batches: (N,) rows of each step, on the CPU.
        train: The images.
        ranks: The ranks that share a batch.
        generator: Source of randomness.
        view_size: Side of a view, in pixels.
        render: Makes patches of images.
    """
    rows = torch.cat(list(batches))
    matrices, boxes = sample_patches(len(rows), generator=generator, aspects=train.aspects(rows))
    own_boxes = () if boxes is None else [ranks.own(of_step) for of_step in boxes.cpu().chunk(len(batches))]
    images = train.in_steps([ranks.own(of_step) for of_step in batches], own_boxes, whole_size(view_size))
    own_matrices = [ranks.own(of_step) for of_step in matrices.chunk(len(batches))]

    def make(step: int) -> Tensor:
        whole = images(step)
        # One after the other: an image is large, its patch is not.
        patches = [
            render(whole, ViewParameters(own_matrices[step][:, place], rotated=False)) for place in range(NUM_PATCHES)
        ]
        return torch.stack(patches, dim=1).flatten(0, 1)

    return make
