"""The kNN probe: the nearest training features vote on the class of a test feature."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ftlab.training.evaluation.features import CHUNK, Features


@torch.no_grad()
def knn_right(features: Features, *, k: int, temperature: float) -> Tensor:
    """Return, (1, M), which test images a weighted k-nearest-neighbour vote classifies rightly.

    Neighbours are found by cosine similarity s and vote with weight ``exp(s / temperature)`` (arXiv 1805.01978, section
    3.4). Accuracies are comparable at equal k and temperature only.

    Args:
        features: Training features vote on the class of test features.
        k: Neighbours; at most the number of training images.
        temperature: > 0.
    """
    bank = F.normalize(features.train)  # (N, F)
    found = []
    test = zip(torch.split(features.test, CHUNK), torch.split(features.test_labels, CHUNK), strict=True)
    for queries, labels in test:
        similarities, neighbours = (F.normalize(queries) @ bank.T).topk(k, dim=1)  # (n, k)
        # Weights relative to the nearest neighbour: the vote is the same and exp cannot overflow.
        weights = ((similarities - similarities[:, :1]) / temperature).exp()
        votes = F.one_hot(features.train_labels[neighbours], features.num_classes) * weights[:, :, None]
        found.append(votes.sum(dim=1).argmax(dim=1) == labels)
    return torch.cat(found)[None]
