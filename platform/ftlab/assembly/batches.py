"""Build a trial's source of views from its settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ftlab.config.trial import TrialConfig
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.data.cache.residency import ResidentImages
from ftlab.data.views.recipes import find_recipe
from ftlab.data.views.two_views import ViewParameters, make_views, sample_parameters
from ftlab.methods.method import PretrainingMethod, Views
from ftlab.ranks.exchange import Ranks
from ftlab.training.trainer import Batches


def make_batches(
    config: TrialConfig,
    dataset: ImageDataset,
    train: ResidentImages,
    device: torch.device,
    ranks: Ranks,
    method: type[PretrainingMethod[Any]],
) -> Batches:
    """Build the source of the views that a method takes; each rank makes the views that it encodes."""
    num_views = method.num_views
    recipe = find_recipe(config.views.recipe)
    layout = torch.channels_last if config.train.channels_last else torch.contiguous_format

    def render(images: Tensor, parameters: ViewParameters) -> Tensor:
        views = make_views(
            images, parameters, size=config.view_size, mean=dataset.channel_mean, std=dataset.channel_std
        )
        return views.contiguous(memory_format=layout)

    def draw_views(order: Tensor, orders: Sequence[Tensor], generator: torch.Generator) -> Callable[[int], Views]:
        number = num_views * len(order)
        parameters = sample_parameters(recipe, number, generator=generator, num_channels=dataset.num_channels)
        images = train.in_steps(_own_rows(order, orders, ranks, num_views))
        views = _EpochViews(images, orders, parameters, render, ranks, num_views)
        return views.of_batch if ranks.size == 1 else views.of_own_part

    return Batches(
        len(train),
        config.train.batch_size,
        draw_views,
        seed=config.seed,
        device=device,
        shuffled=method.shuffles_views,
    )


@dataclass(frozen=True)
class _EpochViews:
    """Makes the views of an epoch's steps.

    Attributes:
        images: Function from a step to the images that this rank makes views of.
        orders: (N,) places of each step, on the device; see `Views.order`.
        parameters: Parameters of V * steps * N views: N first views, then N second ones and so on, step by step.
        render: Function that makes views of images.
        ranks: The ranks that make them.
        num_views: V.
    """

    images: Callable[[int], Tensor]
    orders: Sequence[Tensor]
    parameters: ViewParameters
    render: Callable[[Tensor, ViewParameters], Tensor]
    ranks: Ranks
    num_views: int

    def of_batch(self, step: int) -> Views:
        """Return all views of a batch, from one reading of its images."""
        order, size = self.orders[step], self.num_views * len(self.orders[step])
        images = self.images(step).repeat(self.num_views, 1, 1, 1)
        first, *others = self.render(images, self.parameters[step * size : (step + 1) * size]).chunk(self.num_views)
        return Views((first, *(view[order] for view in others)), order)

    def of_own_part(self, step: int) -> Views:
        """Return the views that one rank encodes: its part of the first views, and of the others in their order.

        The images of the two differ. Reading both is cheaper than sending views, which are float32, between ranks.
        """
        order = self.orders[step]
        batch_size = len(order)
        images = self.images(step)
        # The parameters of a step's second views lie N behind those of its first views, and so on.
        behind = (batch_size * torch.arange(self.num_views)).repeat_interleave(batch_size // self.ranks.size)
        begin = step * self.num_views * batch_size
        places = begin + behind.to(order.device, non_blocking=True) + _own_places(order, self.ranks, self.num_views)
        return Views(self.render(images, self.parameters[places]).chunk(self.num_views), order)


def _own_rows(order: Tensor, orders: Sequence[Tensor], ranks: Ranks, num_views: int) -> Sequence[Tensor]:
    """Return the rows of each step's images that this rank makes views of, on the CPU.

    Args:
        order: (steps * N,) rows of the images, on the CPU.
        orders: (N,) places of each step, on the device.
        ranks: The ranks that make the views; a single process makes all views of an image from one reading.
        num_views: Views of an image.
    """
    batches = order.chunk(len(orders))
    if ranks.size == 1:
        return batches
    # All of an epoch at once: step by step, the host would wait for the device each time.
    on_host = torch.stack(list(orders)).cpu()
    return [rows[_own_places(places, ranks, num_views)] for rows, places in zip(batches, on_host, strict=True)]


def _own_places(order: Tensor, ranks: Ranks, num_views: int) -> Tensor:
    """Return the (V * n,) places in the batch of a rank's first views, then of each of its other views."""
    places = torch.arange(len(order), device=order.device)
    return torch.cat([ranks.own(places), *[ranks.own(order)] * (num_views - 1)])
