"""Make the small crops of an epoch's images, for methods that take views of two sizes."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ftlab.data.cache.residency import ResidentImages
from ftlab.data.views.two_views import ViewParameters
from ftlab.ranks.exchange import Ranks


def make_small_crops(
    batches: Sequence[Tensor],
    parameters: ViewParameters,
    train: ResidentImages,
    ranks: Ranks,
    size: int,
    render: Callable[[Tensor, ViewParameters], Tensor],
) -> Callable[[int], Tensor]:
    """Return a function from a step to this rank's small crops, to be called step after step; see `Views`.

    Args:
        batches: (N,) rows of each step, on the CPU.
        parameters: Parameters of V * steps * N crops, the V of an image in a row.
        train: The images.
        ranks: The ranks that share a batch.
        size: Side of a crop, in pixels.
        render: Makes crops of images.
    """
    number = len(parameters) // sum(map(len, batches))
    rows = [ranks.own(of_step) for of_step in batches]
    if parameters.boxes is None:
        images, readings = train.in_steps(rows), 1
    else:  # each crop is cut out of its photograph
        boxes = [ranks.own(of_step) for of_step in parameters.boxes.cpu().chunk(len(batches))]
        images, readings = train.in_steps([of_step.repeat_interleave(number) for of_step in rows], boxes, size), number

    def make(step: int) -> Tensor:
        count = number * len(batches[step])
        own, shown = parameters[step * count : (step + 1) * count][ranks.own_part(count)], images(step)
        # One after the other: an image is large, its crop is not.
        crops = [render(shown[place % readings :: readings], own[place::number]) for place in range(number)]
        return torch.stack(crops, dim=1).flatten(0, 1)

    return make
