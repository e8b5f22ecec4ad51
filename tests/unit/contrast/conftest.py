from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

# The number of threads decides the last bits of a result.
torch.set_num_threads(1)

UnitRows = Callable[..., Tensor]


@pytest.fixture
def unit_rows() -> UnitRows:
    """Random rows of unit length: `unit_rows(4, 8, seed=1)`; float64 unless told otherwise."""

    def make(rows: int, dim: int, *, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return F.normalize(torch.randn(rows, dim, generator=generator, dtype=torch.float64)).to(dtype)

    return make
