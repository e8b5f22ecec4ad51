"""The key encoder's moving average on the device."""

import pytest
import torch
from torch import Tensor

from ftlab.contrast.momentum import update_key_parameters

SHAPES = ((3, 4), (4,), (2, 3, 2, 2))


def parameters(seed: int, device: torch.device) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    drawn = [torch.randn(shape, generator=generator).to(device) for shape in SHAPES]
    return [tensor.to(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor for tensor in drawn]


@pytest.mark.parametrize("momentum", [0.5, 0.99, 0.999])
def test_it_is_a_moving_average(device: torch.device, momentum: float) -> None:
    keys, queries = parameters(0, device), parameters(1, device)
    before = [key.cpu().double() for key in keys]
    for _ in range(3):
        update_key_parameters(keys, queries, momentum)
    for key, old, query in zip(keys, before, queries, strict=True):
        expected = momentum**3 * old + (1 - momentum**3) * query.cpu().double()
        torch.testing.assert_close(key.cpu().double(), expected, rtol=0, atol=1e-6)


def test_one_freezes_the_key_encoder_bit_for_bit(device: torch.device) -> None:
    keys, queries = parameters(0, device), parameters(1, device)
    for _ in range(10):
        update_key_parameters(keys, queries, 1.0)
    assert all(torch.equal(key, old) for key, old in zip(keys, parameters(0, device), strict=True))


def test_zero_copies_the_query_encoder(device: torch.device) -> None:
    keys, queries = parameters(0, device), parameters(1, device)
    update_key_parameters(keys, queries, 0.0)
    assert all(torch.equal(key, query) for key, query in zip(keys, queries, strict=True))
