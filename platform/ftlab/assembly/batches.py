"""Build a trial's source of views from its settings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ftlab.assembly.epoch_patches import draw_patches
from ftlab.assembly.small_crops import make_small_crops
from ftlab.config.trial import TrialConfig
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.data.cache.residency import ResidentImages
from ftlab.data.views.patches import patch_size
from ftlab.data.views.recipes import ViewRecipe, find_recipe
from ftlab.data.views.two_views import ViewParameters, make_views, sample_parameters
from ftlab.methods.method import PretrainingMethod, Views
from ftlab.ranks.exchange import Ranks
from ftlab.training.trainer import Batches

Crops = Callable[[int], Tensor | None]

# Numbers of the views that are made at a time: of small views those of several steps, since each operation has its
# price, and no more than a core's cache holds.
BLOCK_NUMBERS = 2**17


def make_batches(
    config: TrialConfig,
    dataset: ImageDataset,
    train: ResidentImages,
    device: torch.device,
    ranks: Ranks,
    method: PretrainingMethod[Any] | type[PretrainingMethod[Any]],
) -> Batches:
    """Build the source of the views that a method takes; each rank makes the views that it encodes."""
    num_views, num_crops = method.num_views, config.views.small_crops
    recipe = find_recipe(config.views.recipe).cropped(config.views.crop_scale)
    layout = torch.channels_last if config.train.channels_last else torch.contiguous_format

    def render(images: Tensor, parameters: ViewParameters, size: int = config.view_size) -> Tensor:
        views = make_views(images, parameters, size=size, mean=dataset.channel_mean, std=dataset.channel_std)
        return views.contiguous(memory_format=layout)

    def sample(recipe: ViewRecipe, rows: Tensor, generator: torch.Generator) -> ViewParameters:
        return sample_parameters(
            recipe,
            len(rows),
            generator=generator,
            num_channels=dataset.num_channels,
            aspects=train.aspects(rows),
        )

    def draw_views(order: Tensor, orders: Sequence[Tensor], generator: torch.Generator) -> Callable[[int], Views]:
        batches = order.chunk(len(orders))
        by_view = torch.cat([rows.repeat(num_views) for rows in batches])
        parameters = sample(recipe, by_view, generator)
        steps_at_once = 1
        if parameters.boxes is None and ranks.size == 1:  # all views of an image come from one reading
            numbers = num_views * len(batches[0]) * dataset.num_channels * config.view_size**2
            steps_at_once = max(1, BLOCK_NUMBERS // numbers)
            images = train.in_steps(order.split(steps_at_once * len(batches[0])))
        else:
            own = _own_views(orders, ranks, num_views)
            rows = [rows.repeat(num_views)[views] for rows, views in zip(batches, own, strict=True)]
            boxes = () if parameters.boxes is None else parameters.boxes.cpu().chunk(len(orders))
            own_boxes = [of_step[views] for of_step, views in zip(boxes, own, strict=False)]
            images = train.in_steps(rows, own_boxes, config.view_size)
        views = _EpochViews(images, orders, parameters, render, ranks, num_views, steps_at_once)
        of_step = views.of_batch if ranks.size == 1 else views.of_own_part
        patches: Crops = _nothing
        small: Crops = _nothing
        if method.takes_patches:
            render_patch = partial(render, size=patch_size(config.view_size))
            patches = draw_patches(batches, train, ranks, generator, config.view_size, render_patch)
        if num_crops:
            size = config.views.small_size
            crops = sample(recipe.cropped(config.views.small_scale), order.repeat_interleave(num_crops), generator)
            small = make_small_crops(batches, crops, train, ranks, size, partial(render, size=size))
        return lambda step: of_step(step)._replace(patches=patches(step), small=small(step))

    return Batches(
        len(train),
        config.train.batch_size,
        draw_views,
        seed=config.seed,
        device=device,
        shuffled=method.shuffles_views,
    )


def _nothing(_step: int) -> Tensor | None:
    return None


@dataclass
class _EpochViews:
    """Makes the views of an epoch's steps, which are asked for in order.

    Attributes:
        images: Function from a step to the images that this rank makes views of; alone, from the number of a block of
            steps to theirs, of squares one for all views.
        orders: (N,) places of each step, on the device; see `Views.order`.
        parameters: Parameters of V * steps * N views: N first views, then N second ones and so on, step by step.
        render: Function that makes views of images.
        ranks: The ranks that make them.
        num_views: V.
        steps_at_once: Steps of a block.
    """

    images: Callable[[int], Tensor]
    orders: Sequence[Tensor]
    parameters: ViewParameters
    render: Callable[[Tensor, ViewParameters], Tensor]
    ranks: Ranks
    num_views: int
    steps_at_once: int
    _rendered: Sequence[Tensor] = ()

    def of_batch(self, step: int) -> Views:
        """Return all views of a batch."""
        block, place = divmod(step, self.steps_at_once)
        if place == 0:
            self._rendered = self._render_block(block)
        order = self.orders[step]
        first, *others = self._rendered[place].chunk(self.num_views)
        return Views((first, *(view[order] for view in others)), order)

    def _render_block(self, block: int) -> Sequence[Tensor]:
        """Return the views of each step of a block, N first ones, then N second ones and so on."""
        size = self.num_views * len(self.orders[0])  # of a step
        parameters = self.parameters[block * self.steps_at_once * size : (block + 1) * self.steps_at_once * size]
        steps = self.images(block).unflatten(0, (len(parameters) // size, -1))
        images = steps.repeat(1, size // steps.shape[1], 1, 1, 1).flatten(0, 1)
        views: Sequence[Tensor] = self.render(images, parameters).split(size)
        return views

    def of_own_part(self, step: int) -> Views:
        """Return the views that one rank encodes: its part of the first views, and of the others in their order.

        The images of the two differ. Reading both is cheaper than sending views, which are float32, between ranks.
        """
        order = self.orders[step]
        images = self.images(step)
        places = step * self.num_views * len(order) + _own_places(order, self.ranks, self.num_views)
        return Views(self.render(images, self.parameters[places]).chunk(self.num_views), order)


def _own_views(orders: Sequence[Tensor], ranks: Ranks, num_views: int) -> Sequence[Tensor]:
    """Return `_own_places` of each step, on the CPU; a single process makes all views."""
    if ranks.size == 1:
        return [torch.arange(num_views * len(order)) for order in orders]
    # All of an epoch at once: step by step, the host would wait for the device each time.
    on_host = torch.stack(list(orders)).cpu()
    return [_own_places(order, ranks, num_views) for order in on_host]


def _own_places(order: Tensor, ranks: Ranks, num_views: int) -> Tensor:
    """Return the (V * n,) places of a rank's views among the V * N of a step: its first views, then each of its others.

    The views of a step are the N first ones, then N second ones and so on.
    """
    first = torch.arange(len(order), device=order.device)
    others = [number * len(order) + ranks.own(order) for number in range(1, num_views)]
    return torch.cat([ranks.own(first), *others])
