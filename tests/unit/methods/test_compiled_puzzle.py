"""The patches of a compiled InfoMin go through the compiled encoder, as its views do."""

import shutil
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor

from ftlab.assembly.trial_parts import make_method
from ftlab.config.trial import TrialConfig
from ftlab.encoders.compilation import Compilation
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


@pytest.mark.slow
@pytest.mark.usefixtures("_one_thread")
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles for the CPU with g++")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's compiler
def test_a_compiled_training_is_an_eager_one() -> None:
    eager: Any = make_method(TrialConfig.model_validate(SETTINGS), 1, torch.device("cpu")).double().train()
    compiled: Any = deepcopy(eager)
    compilation = Compilation(compiled.query_encoder)
    draws = torch.Generator().manual_seed(0)
    for _ in range(2):
        first, second = torch.rand(2, N, 1, SIZE, SIZE, generator=draws, dtype=torch.float64)
        patches = torch.rand(9 * N, 1, SIZE, SIZE, generator=draws, dtype=torch.float64)
        losses = []
        for method in (eager, compiled):
            streams = {name: torch.Generator().manual_seed(1) for name in method.streams}
            step = method.step(Views((first, second), torch.arange(N), patches), streams, 0)
            step.loss.backward()
            losses.append(step.loss)
        torch.testing.assert_close(losses[1], losses[0], rtol=1e-9, atol=0)
    assert compilation.failure == ""
    for (name, expected), found in zip(
        eager.query_encoder.named_parameters(), compiled.query_encoder.parameters(), strict=True
    ):
        torch.testing.assert_close(found.grad, expected.grad, rtol=1e-8, atol=1e-10, msg=name)
