"""The softmax of a score against others, some of which it must not meet."""

import torch
from torch import Tensor


def log_shares(scores: Tensor, others: Tensor, left_out: Tensor) -> Tensor:
    """Return ``log(exp(s_k) / (exp(s_k) + sum_j exp(o_j)))`` for each k, the sum without the slots that k leaves out.

    All sums of a row come from one, less what is left out. So that nothing cancels where that is nearly all, the R + 1
    largest of the others, of which at least one stays, are added to each sum by themselves: what is subtracted from the
    rest is no larger than what stays.

    Args:
        scores: (N, K), with or without gradient.
        others: (N, M), likewise.
        left_out: (K, R) int64, the slots of the others that k leaves out; one that is named twice is left out once.

    Returns:
        (N, K) logarithms, at most 0; exactly 0 where all others are left out.
    """
    largest, places = others.topk(min(left_out.shape[1] + 1, others.shape[1]), dim=1)  # (N, R + 1)
    least = largest[:, -1:].detach()
    rest = (others.scatter(1, places, -torch.inf) - least).exp()  # (N, M), at most 1, 0 for the largest
    named_before = (left_out[:, :, None] == left_out[:, None, :]).tril(-1).any(dim=2)  # (K, R)
    rest_sums = rest.sum(dim=1, keepdim=True)
    # One by one: gradients that meet in a slot would be added in any order.
    for slots, is_named in zip(left_out.T, named_before.T, strict=True):
        rest_sums = rest_sums - rest[:, slots].masked_fill(is_named, 0.0)  # (N, K)

    is_out = (places[:, None, :, None] == left_out[:, None, :]).any(dim=3)  # (N, K, R + 1)
    single = torch.cat([scores[:, :, None], largest[:, None].masked_fill(is_out, -torch.inf)], dim=2)
    highest = single.detach().amax(dim=2)  # (N, K)
    # Below the highest, unless all others are left out and the rest is 0.
    scale = (least - highest).clamp_max(0.0).exp()
    total = (single - highest[:, :, None]).exp().sum(dim=2) + rest_sums.clamp_min(0.0) * scale
    return scores - highest - total.log()
