from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from ftlab.encoders.batch_norm import GroupedBatchNorm

C = 3
SHAPES = [(12, C), (12, C, 4, 5)]

SeedParameters = Callable[[nn.Module], nn.Module]


def images_of(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(shape, generator=generator, dtype=torch.float64) + 1


@pytest.fixture
def seed_parameters() -> SeedParameters:
    def seed(norm: nn.Module) -> nn.Module:
        with torch.no_grad():
            norm.weight.copy_(torch.tensor([0.5, 1.5, -2.0]))
            norm.bias.copy_(torch.tensor([0.1, -0.3, 1.0]))
        return norm.double()

    return seed


def torch_norm(shape: tuple[int, ...]) -> nn.Module:
    return nn.BatchNorm1d(C) if len(shape) == 2 else nn.BatchNorm2d(C)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("num_groups", [1, 2, 3, 6])
def test_each_group_is_normalised_as_on_its_own_device(
    seed_parameters: SeedParameters, shape: tuple[int, ...], num_groups: int
) -> None:
    grouped = seed_parameters(GroupedBatchNorm(C, num_groups))
    devices = [seed_parameters(torch_norm(shape)) for _ in range(num_groups)]
    images, weights = images_of(shape).requires_grad_(), images_of(shape, seed=1)
    for _ in range(3):  # running statistics move more than once
        found = grouped(images)
    size = shape[0] // num_groups
    rows = [list(range(group * size, (group + 1) * size)) for group in range(num_groups)]
    expected = torch.empty_like(images)
    for group, norm in zip(rows, devices, strict=True):
        for _ in range(3):
            part = norm(images[group])
        expected[group] = part
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    for group, norm in enumerate(devices):
        torch.testing.assert_close(grouped.running_mean[group], norm.running_mean, rtol=0, atol=1e-12)
        torch.testing.assert_close(grouped.running_var[group], norm.running_var, rtol=0, atol=1e-12)

    (found_gradient,) = torch.autograd.grad((found * weights).sum(), images, retain_graph=True)
    (expected_gradient,) = torch.autograd.grad((expected * weights).sum(), images, retain_graph=True)
    torch.testing.assert_close(found_gradient, expected_gradient, rtol=0, atol=1e-12)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    for name in ("weight", "bias"):
        summed = torch.stack([getattr(norm, name).grad for norm in devices]).sum(dim=0)
        torch.testing.assert_close(getattr(grouped, name).grad, summed, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("num_groups", [2, 3])
def test_evaluation_uses_the_average_of_the_groups(
    seed_parameters: SeedParameters, shape: tuple[int, ...], num_groups: int
) -> None:
    grouped, averaged = seed_parameters(GroupedBatchNorm(C, num_groups)), seed_parameters(torch_norm(shape))
    for seed in range(3):
        grouped(images_of(shape, seed))
    averaged.running_mean.copy_(grouped.running_mean.mean(dim=0))
    averaged.running_var.copy_(grouped.running_var.mean(dim=0))
    images = images_of((7, *shape[1:]))  # no multiple of the groups
    before = {name: value.clone() for name, value in grouped.state_dict().items()}
    torch.testing.assert_close(grouped.eval()(images), averaged.eval()(images), rtol=0, atol=1e-12)
    assert all(torch.equal(value, before[name]) for name, value in grouped.state_dict().items())


@pytest.mark.parametrize("shape", SHAPES)
def test_one_group_is_batch_normalisation(seed_parameters: SeedParameters, shape: tuple[int, ...]) -> None:
    grouped, plain = seed_parameters(GroupedBatchNorm(C, 1)), seed_parameters(torch_norm(shape))
    for seed in range(4):
        images = images_of(shape, seed)
        torch.testing.assert_close(grouped(images), plain(images), rtol=0, atol=1e-12)
    images = images_of((1, *shape[1:]))
    torch.testing.assert_close(grouped.eval()(images), plain.eval()(images), rtol=0, atol=1e-12)


def test_groups_do_not_see_each_other(seed_parameters: SeedParameters) -> None:
    grouped = seed_parameters(GroupedBatchNorm(C, 2))
    images = images_of((8, C))
    before = grouped(images)
    changed = images.clone()
    changed[0] += 10.0
    after = grouped(changed)
    assert torch.equal(after[4:], before[4:])
    assert not torch.allclose(after[1:4], before[1:4])


def test_memory_order_decides_nothing(seed_parameters: SeedParameters) -> None:
    images = images_of((8, C, 4, 4))
    found = [
        seed_parameters(GroupedBatchNorm(C, 2))(images.contiguous(memory_format=layout))
        for layout in (torch.contiguous_format, torch.channels_last)
    ]
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=1e-12)


def test_a_batch_of_uneven_groups_is_refused() -> None:
    with pytest.raises(ValueError, match="must be a multiple of 2 groups, but got 5 rows"):
        GroupedBatchNorm(C, 2)(images_of((5, C)))


@pytest.mark.parametrize("shape", SHAPES)
def test_several_processes_normalise_what_one_does(seed_parameters: SeedParameters, shape: tuple[int, ...]) -> None:
    whole, parts = seed_parameters(GroupedBatchNorm(C, 6)), []
    images = images_of(shape)
    expected = whole(images)
    for rank in range(3):
        part = seed_parameters(GroupedBatchNorm(C, 6))
        part.own_groups = slice(2 * rank, 2 * rank + 2)
        found = part(images[4 * rank : 4 * rank + 4])
        assert torch.equal(found, expected[4 * rank : 4 * rank + 4])
        parts.append(part)
    for name in ("running_mean", "running_var"):
        own = torch.cat([getattr(part, name)[part.own_groups] for part in parts])
        assert torch.equal(own, getattr(whole, name))


def test_a_part_of_uneven_groups_is_refused() -> None:
    norm = GroupedBatchNorm(C, 4)
    norm.own_groups = slice(2, 4)
    with pytest.raises(ValueError, match="must be a multiple of 2 groups, but got 5 rows"):
        norm(images_of((5, C)))
