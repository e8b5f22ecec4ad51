"""The key encoder as an exponential moving average of the query encoder."""

from collections.abc import Sequence

import torch
from torch import Tensor


@torch.no_grad()
def update_key_parameters(
    key_parameters: Sequence[Tensor], query_parameters: Sequence[Tensor], momentum: float
) -> None:
    """Move each key parameter in place: ``theta_k <- m theta_k + (1 - m) theta_q`` (arXiv 1911.05722, eq. 2).

    Args:
        key_parameters: Parameters of the key encoder.
        query_parameters: Parameters of the query encoder, in the same order.
        momentum: m in [0, 1]; 0 copies the query encoder, 1 freezes the key encoder.
    """
    # lerp_(1 - m) and not mul_(m).add_(1 - m): one pass over memory, and exact at m = 1.
    torch._foreach_lerp_(list(key_parameters), list(query_parameters), 1.0 - momentum)
