"""Memory of the device: what steps hold does not grow, and no matrix of all scores is kept."""

import gc
from collections.abc import Callable
from itertools import islice

import pytest
import torch
from torch import Tensor

from ftlab.contrast.loss import BLOCK_SCORES, info_nce
from ftlab.data.cache.image_dataset import ImageDataset
from ftlab.training.trainer import Trainer

UnitRows = Callable[..., Tensor]
BuildTrainer = Callable[..., Trainer]
MakeImages = Callable[..., ImageDataset]

N, K, C = 256, 65_536, 128
SCORE_BYTES = 4 * N * K
BOTH = {"positives": "extrapolate", "negatives": "interpolate"}


def held(device: torch.device) -> int:
    gc.collect()
    torch.cuda.synchronize(device)
    return torch.cuda.memory_allocated(device)


@pytest.mark.parametrize("transform", [{}, {**BOTH, "negatives": "interpolate_union"}], ids=["without FT", "with FT"])
def test_what_steps_hold_does_not_grow(
    cuda: torch.device, build_trainer: BuildTrainer, make_images: MakeImages, transform: dict[str, str]
) -> None:
    trainer = build_trainer(make_images(8 * 22), transform=transform, train={"epochs": 1, "batch_size": 8})
    holding, peaks = [], []
    for step, _ in enumerate(islice(trainer.steps(0), 20), start=1):
        if step % 5 == 0:
            holding.append(held(cuda))
            peaks.append(torch.cuda.max_memory_allocated(cuda))
            torch.cuda.reset_peak_memory_stats(cuda)
    assert len(set(holding)) == 1, holding
    assert len(set(peaks[1:])) == 1, peaks


def test_nothing_as_large_as_the_scores_is_saved_for_the_gradient(device: torch.device, unit_rows: UnitRows) -> None:
    queries, keys = (unit_rows(N, C, seed=seed).to(device) for seed in range(2))
    saved: list[int] = []

    def pack(tensor: Tensor) -> Tensor:
        saved.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        info_nce(queries.requires_grad_(), keys, queries, unit_rows(K, C, seed=2).to(device), 0.2)
    assert 0 < max(saved) <= N * C


def test_a_loss_holds_and_takes_no_more_than_a_block_of_scores(cuda: torch.device, unit_rows: UnitRows) -> None:
    num = 4096  # a gibibyte of scores, in four blocks
    queries, keys = (unit_rows(num, C, seed=seed).to(cuda) for seed in range(2))
    negatives = unit_rows(K, C, seed=2).to(cuda)
    queries.requires_grad_()
    info_nce(queries, keys, queries, negatives, 0.2)  # cuBLAS keeps what it works in
    before = held(cuda)
    torch.cuda.reset_peak_memory_stats(cuda)
    loss = info_nce(queries, keys, queries, negatives, 0.2).loss
    peak = torch.cuda.max_memory_allocated(cuda) - before
    assert loss.isfinite().item()
    assert held(cuda) - before <= 4 * 4 * num * C
    assert peak <= 1.25 * 4 * BLOCK_SCORES["cuda"]


def test_a_step_keeps_no_matrix_of_all_scores(
    cuda: torch.device, build_trainer: BuildTrainer, make_images: MakeImages
) -> None:
    def build(queue_size: int) -> Trainer:
        return build_trainer(
            make_images(3 * N),
            model={"feature_dim": C, "bn_groups": 2},
            method={"queue_size": queue_size, "key_momentum": 0.9},
            train={"epochs": 1, "batch_size": N},
            transform=BOTH,
        )

    next(build(N).steps(0))  # libraries keep what they work in
    trainer = build(K)
    before = held(cuda)
    next(trainer.steps(0))
    # The mixed negatives, half as large, may still be there.
    assert held(cuda) - before < SCORE_BYTES
