"""The contrastive loss InfoNCE, always in float32 or wider."""

import torch
from torch import Tensor
from torch.nn import functional as F


def contrastive_scores(queries: Tensor, keys: Tensor, negative_queries: Tensor, negatives: Tensor) -> Tensor:
    """Score each query against its positive key and against every negative.

    Args:
        queries: (N, C), with gradient.
        keys: (N, C), the positive of each query.
        negative_queries: (N, C), the queries that the negatives are scored against; usually ``queries``.
        negatives: (K, C), without gradient.

    Returns:
        (N, 1 + K) dot products, the positive in column 0; cosine similarities when all rows have unit length.
    """
    positive_scores = (queries * keys).sum(dim=1, keepdim=True)  # (N, 1)
    negative_scores = negative_queries @ negatives.T  # (N, K)
    return torch.cat([positive_scores, negative_scores], dim=1)


def info_nce(scores: Tensor, temperature: float) -> Tensor:
    """Return the mean InfoNCE loss, ``-log(exp(s_0 / T) / sum_j exp(s_j / T))`` (arXiv 1807.03748, eq. 4).

    Args:
        scores: (N, 1 + K), the positive in column 0.
        temperature: T > 0.

    Returns:
        Scalar, in nats; ``ln(1 + K)`` when all scores are equal. NaN if a score is NaN.
    """
    targets = torch.zeros(scores.shape[0], dtype=torch.long, device=scores.device)
    return F.cross_entropy(scores / temperature, targets)
