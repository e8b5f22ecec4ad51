"""Cut a batch into parts, such as the groups of FT, and join them again; most often the only part is the batch.

Then nothing is copied and autograd records nothing, which a step of a small encoder would notice.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def cut(rows: Tensor, number: int) -> Sequence[Tensor]:
    """Return so many equal parts of (n, ...) rows.

    Not for rows that other parts of a loss have a gradient into as well: it would be added up in another order.
    """
    return rows.chunk(number) if number > 1 else (rows,)


def join(parts: Sequence[Tensor]) -> Tensor:
    """Return the rows of all parts, one part after the other."""
    return torch.cat(list(parts)) if len(parts) > 1 else parts[0]


def mean_of(losses: Sequence[Tensor]) -> Tensor:
    """Return the mean of the scalar losses of all parts."""
    return torch.stack(list(losses)).mean() if len(losses) > 1 else losses[0]
