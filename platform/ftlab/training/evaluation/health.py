"""The health of representations, without labels: effective rank, alignment, uniformity and deviation."""

import torch
from torch import Tensor
from torch.nn import functional as F

MAX_IMAGES = 2048  # the pairs of so many fit any memory, and their estimates move by less than a percent
EPSILON = 1e-7  # of RankMe, arXiv 2210.02885, equation 1


def health_images(num_images: int) -> Tensor:
    """Return the rows of at most `MAX_IMAGES` images, evenly spaced over all, (n,) int64 on the CPU."""
    return torch.linspace(0, num_images - 1, min(num_images, MAX_IMAGES), dtype=torch.float64).long()


@torch.no_grad()
def rankme(features: Tensor) -> float:
    """Return the effective rank of (N, F) features: the exponential of their singular values' entropy.

    It lies between 1, all features on a line, and min(N, F) (RankMe, arXiv 2210.02885).

    Args:
        features: Not normalised and not centred.
    """
    values = torch.linalg.svdvals(features.double())
    shares = values / values.sum().clamp_min(torch.finfo(values.dtype).tiny) + EPSILON
    return float((-(shares * shares.log()).sum()).exp())


@torch.no_grad()
def measure_health(features: Tensor, embeddings: Tensor, views: tuple[Tensor, Tensor]) -> dict[str, float]:
    """Return the metrics of held-out images.

    Args:
        features: (N, F) of the backbone, of the images as probes see them.
        embeddings: (N, C) of the projection head, of the same images.
        views: (N, C) embeddings of two random views of each image.

    Returns:
        ``health/backbone_rankme`` and ``health/embedding_rankme``, see `rankme`;
        ``health/alignment``, the mean squared distance of an image's two views on the unit sphere, and
        ``health/uniformity``, the logarithm of the mean of ``exp(-2 d^2)`` over all pairs of images' first views at
        distance d (arXiv 2005.10242, equations 5 and 6, with alpha and t of 2);
        ``health/feature_std``, the mean over dimensions of the deviation of embeddings on the unit sphere, times the
        square root of C: 1 when they spread in all directions, 0 when all are one (arXiv 2011.10566, section 4.1).
    """
    first, second = (F.normalize(view.float()) for view in views)
    deviations = F.normalize(embeddings.float()).std(dim=0, correction=0)
    return {
        "health/backbone_rankme": rankme(features),
        "health/embedding_rankme": rankme(embeddings),
        "health/alignment": (first - second).square().sum(dim=1).mean().item(),
        "health/uniformity": torch.pdist(first).square().mul(-2.0).exp().mean().log().item(),
        "health/feature_std": deviations.mean().item() * first.shape[1] ** 0.5,
    }
