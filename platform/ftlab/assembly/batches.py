"""Build a trial's source of views from its settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ftlab.config.trial import TrialConfig
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.data.cache.residency import ResidentImages
from ftlab.data.views.two_views import RECIPES, ViewParameters, make_views, sample_parameters
from ftlab.methods.moco import Views
from ftlab.ranks.exchange import ALONE, Ranks
from ftlab.training.trainer import Batches


def make_batches(
    config: TrialConfig, dataset: ImageDataset, train: ResidentImages, device: torch.device, ranks: Ranks = ALONE
) -> Batches:
    """Build the source of two views per training image; each rank makes the views that it encodes."""
    recipe = RECIPES[config.views.recipe]
    layout = torch.channels_last if config.train.channels_last else torch.contiguous_format

    def render(images: Tensor, parameters: ViewParameters) -> Tensor:
        views = make_views(
            images, parameters, size=config.view_size, mean=dataset.channel_mean, std=dataset.channel_std
        )
        return views.contiguous(memory_format=layout)

    def draw_views(order: Tensor, key_orders: Sequence[Tensor], generator: torch.Generator) -> Callable[[int], Views]:
        parameters = sample_parameters(recipe, 2 * len(order), generator=generator, num_channels=dataset.num_channels)
        images = train.in_steps(_own_rows(order, key_orders, ranks))
        views = _EpochViews(images, key_orders, parameters, render, ranks)
        return views.of_batch if ranks.size == 1 else views.of_own_part

    return Batches(len(train), config.train.batch_size, draw_views, seed=config.seed, device=device)


@dataclass(frozen=True)
class _EpochViews:
    """Makes the views of an epoch's steps.

    Attributes:
        images: Function from a step to the images that this rank makes views of.
        key_orders: (N,) places of each step, on the device.
        parameters: Parameters of 2 * steps * N views: N query views, then N key views, step by step.
        render: Function that makes views of images.
        ranks: The ranks that make them.
    """

    images: Callable[[int], Tensor]
    key_orders: Sequence[Tensor]
    parameters: ViewParameters
    render: Callable[[Tensor, ViewParameters], Tensor]
    ranks: Ranks

    def of_batch(self, step: int) -> Views:
        """Return all views of a batch, from one reading of its images."""
        key_order = self.key_orders[step]
        first, last = step * len(key_order), (step + 1) * len(key_order)
        images = self.images(step)
        queries, keys = self.render(images.repeat(2, 1, 1, 1), self.parameters[2 * first : 2 * last]).chunk(2)
        return Views(queries, keys[key_order], key_order)

    def of_own_part(self, step: int) -> Views:
        """Return the views that one rank encodes: its part of the queries, and of the keys in their order.

        The images of the two differ. Reading both is cheaper than sending views, which are float32, between ranks.
        """
        key_order = self.key_orders[step]
        batch_size = len(key_order)
        first = step * batch_size
        images = self.images(step)
        # The parameters of a step's key views lie N behind those of its query views.
        behind = torch.tensor([0, batch_size]).repeat_interleave(batch_size // self.ranks.size)
        places = 2 * first + behind.to(key_order.device, non_blocking=True) + _own_places(key_order, self.ranks)
        queries, keys = self.render(images, self.parameters[places]).chunk(2)
        return Views(queries, keys, key_order)


def _own_rows(order: Tensor, key_orders: Sequence[Tensor], ranks: Ranks) -> Sequence[Tensor]:
    """Return the rows of each step's images that this rank makes views of, on the CPU.

    Args:
        order: (steps * N,) rows of the images, on the CPU.
        key_orders: (N,) places of each step, on the device.
        ranks: The ranks that make the views; a single process makes both views of an image from one reading.
    """
    batches = order.chunk(len(key_orders))
    if ranks.size == 1:
        return batches
    # All of an epoch at once: step by step, the host would wait for the device each time.
    on_host = torch.stack(list(key_orders)).cpu()
    return [rows[_own_places(places, ranks)] for rows, places in zip(batches, on_host, strict=True)]


def _own_places(key_order: Tensor, ranks: Ranks) -> Tensor:
    """Return the (2n,) places in the batch of a rank's query views, then of its key views."""
    places = torch.arange(len(key_order), device=key_order.device)
    return torch.cat([ranks.own(places), ranks.own(key_order)])
