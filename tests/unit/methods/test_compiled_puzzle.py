"""The patches of a compiled InfoMin go through the compiled encoder, as its views do."""

from typing import Any

import torch
from torch import Tensor

from ftlab.assembly.trial_parts import make_method
from ftlab.config.trial import TrialConfig
from ftlab.methods.method import Views

N, SIZE = 4, 8
SETTINGS = {
    "views": {"size": 96},
    "model": {"feature_dim": 5, "bn_groups": 2, "width": 4, "depth": 2},
    "method": {"name": "infomin", "queue_size": 8, "jigsaw_weight": 0.5},
    "train": {"batch_size": N},
}


def test_patches_go_through_the_compiled_encoder() -> None:
    infomin: Any = make_method(TrialConfig.model_validate(SETTINGS), 1, torch.device("cpu")).train()
    encoder, batches = infomin.query_encoder, []

    def compiled(images: Tensor, *others: Any) -> Tensor:
        batches.append(len(images))
        projections: Tensor = encoder.forward(images, *others)
        return projections

    encoder._compiled_call_impl = compiled
    first, second = torch.rand(2, N, 1, SIZE, SIZE)
    streams = {name: torch.Generator() for name in infomin.streams}
    infomin.step(Views((first, second), torch.arange(N), torch.rand(9 * N, 1, SIZE, SIZE)), streams, 0)
    assert batches == [N, 9 * N]
