"""Grouped batch normalisation on the device against each group's own, on the CPU in float64."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ftlab.encoders.batch_norm import GroupedBatchNorm

N, C, GROUPS = 16, 8, 4
SHAPES = {
    "rows": ((N, C), torch.contiguous_format),
    "images": ((N, C, 6, 5), torch.contiguous_format),
    "images, channels last": ((N, C, 6, 5), torch.channels_last),
}
# Features are about 2 in size, and sums of 120 of them are in float32.
TOLERANCE = 2e-5


def drawn(shape: tuple[int, ...], seed: int) -> Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed)) + 1


def make_norm(device: torch.device) -> GroupedBatchNorm:
    norm = GroupedBatchNorm(C, GROUPS)
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(-2, 2, C))
        norm.bias.copy_(torch.linspace(-1, 1, C))
    return norm.to(device)


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found.cpu().double(), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", SHAPES)
def test_each_group_is_normalised_alone(device: torch.device, name: str) -> None:
    shape, layout = SHAPES[name]
    norm = make_norm(device)
    images, slopes = drawn(shape, 0), drawn(shape, 1)
    moved = images.to(device).contiguous(memory_format=layout).requires_grad_()
    for _ in range(2):  # running statistics move more than once
        found = norm(moved)
    assert found.is_contiguous(memory_format=layout)
    gradients = torch.autograd.grad((found * slopes.to(device)).sum(), [moved, norm.weight, norm.bias])

    means = torch.zeros(GROUPS, C, dtype=torch.float64)
    variances = torch.ones_like(means)
    exact = [part.detach().cpu().double().requires_grad_() for part in (images, norm.weight, norm.bias)]
    for _ in range(2):
        groups = [
            F.batch_norm(group, mean, variance, exact[1], exact[2], True, norm.momentum, norm.eps)
            for group, mean, variance in zip(exact[0].chunk(GROUPS), means, variances, strict=True)
        ]
    expected = torch.cat(groups)
    close(found.detach(), expected.detach())
    close(norm.running_mean, means)
    close(norm.running_var, variances)
    for gradient, other in zip(gradients, torch.autograd.grad((expected * slopes).sum(), exact), strict=True):
        scale = max(1.0, other.abs().max().item())
        close(gradient / scale, other / scale)


@pytest.mark.parametrize("name", SHAPES)
def test_evaluation_uses_the_average_of_the_groups(device: torch.device, name: str) -> None:
    shape, layout = SHAPES[name]
    norm = make_norm(device)
    for seed in range(3):
        norm(drawn(shape, seed).to(device).contiguous(memory_format=layout))
    images = drawn((7, *shape[1:]), 3)  # no multiple of the groups
    found = norm.eval()(images.to(device).contiguous(memory_format=layout)).detach()
    means, variances = (part.cpu().double().mean(dim=0) for part in (norm.running_mean, norm.running_var))
    weight, bias = norm.weight.detach().cpu().double(), norm.bias.detach().cpu().double()
    close(found, F.batch_norm(images.double(), means, variances, weight, bias, False, 0.1, norm.eps))


def test_groups_do_not_see_each_other(device: torch.device) -> None:
    norm, images = make_norm(device), drawn((N, C, 6, 5), 0).to(device)
    before = norm(images).detach()
    changed = images.clone()
    changed[0] += 10.0
    after = norm(changed).detach()
    size = N // GROUPS
    assert torch.equal(after[size:], before[size:])
    assert not torch.allclose(after[1:size], before[1:size])
