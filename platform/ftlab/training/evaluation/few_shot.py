"""The few-shot probe: nearest class centroids from a few labels."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ftlab.training.evaluation.features import Features


@torch.no_grad()
def few_shot_right(features: Features, *, num_labels: int, num_draws: int, generator: torch.Generator) -> Tensor:
    """Return, (D, M), which test images nearest class centroids from a few labels classify rightly, in each draw.

    Each draw picks ``num_labels`` training images a class without replacement. Features are scaled to unit length
    before they are averaged, centroids after, and a test image takes the class of the most similar centroid.

    Args:
        features: Training features give centroids, test features are classified.
        num_labels: Labelled images a class; at most the size of the smallest class.
        num_draws: D, seeded draws.
        generator: CPU generator of the draws.
    """
    train, test = F.normalize(features.train), F.normalize(features.test)
    labels = features.train_labels.cpu()
    members = [(labels == label).nonzero().squeeze(1) for label in range(features.num_classes)]
    found = []
    for _ in range(num_draws):
        drawn = [rows[torch.randperm(len(rows), generator=generator)[:num_labels]] for rows in members]
        labelled = train[torch.stack(drawn).to(train.device)]  # (classes, num_labels, F)
        centroids = F.normalize(labelled.mean(dim=1))
        found.append((test @ centroids.T).argmax(dim=1) == features.test_labels)
    return torch.stack(found)
