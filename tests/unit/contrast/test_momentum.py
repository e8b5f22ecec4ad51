from copy import deepcopy

import pytest
import torch
from torch import Tensor

from ftlab.contrast.momentum import update_key_parameters

SHAPES = ((3, 4), (4,), (2, 3, 2, 2))


def parameters(seed: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_(seed == 1) for shape in SHAPES]


def test_zero_copies_the_query_encoder() -> None:
    keys, queries = parameters(0), parameters(1)
    update_key_parameters(keys, queries, 0.0)
    assert all(torch.equal(key, query) for key, query in zip(keys, queries, strict=True))


def test_one_freezes_the_key_encoder_bit_for_bit() -> None:
    keys, queries = parameters(0), parameters(1)
    before = deepcopy(keys)
    for _ in range(10):
        update_key_parameters(keys, queries, 1.0)
    assert all(torch.equal(key, old) for key, old in zip(keys, before, strict=True))


@pytest.mark.parametrize("momentum", [0.1, 0.5, 0.9, 0.99, 0.999])
def test_in_between_it_is_a_moving_average(momentum: float) -> None:
    keys, queries = parameters(0, torch.float64), parameters(1, torch.float64)
    before = deepcopy(keys)
    for _ in range(3):
        update_key_parameters(keys, queries, momentum)
    for key, old, query in zip(keys, before, queries, strict=True):
        expected = momentum**3 * old + (1 - momentum**3) * query.detach()
        torch.testing.assert_close(key, expected, rtol=0, atol=1e-12)


def test_the_query_encoder_is_left_alone() -> None:
    keys, queries = parameters(0), parameters(1)
    before = [query.detach().clone() for query in queries]
    update_key_parameters(keys, queries, 0.5)
    assert all(torch.equal(query, old) for query, old in zip(queries, before, strict=True))
    assert all(query.requires_grad and not key.requires_grad for key, query in zip(keys, queries, strict=True))
