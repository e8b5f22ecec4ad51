"""The passes that a method's step asks of its encoders and heads, and nothing else."""

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor

from ftlab.methods.infomin import InfoMin
from ftlab.methods.method import PretrainingMethod, Views
from ftlab.methods.moco import MoCo
from ftlab.methods.simclr import SimCLR
from ftlab.methods.simsiam import SimSiam
from ftlab.methods.swav import SwAV
from ftlab.methods.unmix import UnMix
from ftlab.methods.view_pairs import side_by_side


@singledispatch
def bare_outputs(method: PretrainingMethod[Any], views: Views) -> Sequence[Tensor]:
    """Return what encoders and heads make of the views of a step, with gradient; keys are encoded, and left out."""
    raise TypeError(f"no bare passes are known of {type(method).__name__}")


@bare_outputs.register
def _(method: MoCo, views: Views) -> list[Tensor]:
    first, second = views.images
    asking = [first, second][: method.num_directions] + [first] * isinstance(method.mixing, UnMix)
    with torch.no_grad():
        for images in [second, first][: method.num_directions]:
            method.key_encoder(images)
    return [method.query_encoder(images) for images in asking]


@bare_outputs.register
def _(method: InfoMin, views: Views) -> list[Tensor]:
    puzzles = method.puzzle_head(method.query_encoder.backbone(views.patches))
    return [*bare_outputs.dispatch(MoCo)(method, views), puzzles]


@bare_outputs.register
def _(method: SimCLR, views: Views) -> list[Tensor]:
    return [method.encoder_of_views(side_by_side(views))]


@bare_outputs.register
def _(method: SwAV, views: Views) -> list[Tensor]:
    return [method.prototypes(method.encoder_of_views(side_by_side(views)))]


@bare_outputs.register
def _(method: SimSiam, views: Views) -> list[Tensor]:
    return [method.predictor(method.encoder_of_views(images)) for images in views.images]
