"""The probes, which judge how well the features of a frozen encoder separate classes, without training it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ftlab.training.evaluation.linear import LinearEvaluation

CHUNK = 512


@dataclass(frozen=True)
class Features:
    """Features of a frozen encoder with the labels of their images.

    Attributes:
        train: (N, F) float32.
        train_labels: (N,) int64.
        test: (M, F) float32.
        test_labels: (M,) int64.
        num_classes: Number of classes.
    """

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    num_classes: int


@torch.no_grad()
def extract_features(backbone: nn.Module, num_images: int, load: Callable[[slice], Tensor]) -> Tensor:
    """Return the (N, F) features of ``num_images`` images in evaluation mode, in float32.

    Args:
        backbone: Gives (n, F) features of (n, channels, H, W) images; its mode is restored afterwards.
        num_images: N.
        load: Returns the normalised images of a slice, on the backbone's device.
    """
    was_training = backbone.training
    backbone.eval()
    chunks = [
        backbone(load(slice(first, min(first + CHUNK, num_images)))).float() for first in range(0, num_images, CHUNK)
    ]
    backbone.train(was_training)
    return torch.cat(chunks)


@torch.no_grad()
def knn_accuracy(features: Features, *, k: int, temperature: float) -> float:
    """Return the top-1 accuracy in percent of a weighted k-nearest-neighbour vote (arXiv 1805.01978, section 3.4).

    Neighbours are found by cosine similarity s and vote with weight ``exp(s / temperature)``. Accuracies are
    comparable at equal k and temperature only.

    Args:
        features: Training features vote on the class of test features.
        k: Neighbours; at most the number of training images.
        temperature: > 0.
    """
    bank = F.normalize(features.train)  # (N, F)
    correct = torch.zeros((), dtype=torch.long, device=bank.device)
    test = zip(torch.split(features.test, CHUNK), torch.split(features.test_labels, CHUNK), strict=True)
    for queries, labels in test:
        similarities, neighbours = (F.normalize(queries) @ bank.T).topk(k, dim=1)  # (n, k)
        # Weights relative to the nearest neighbour: the vote is the same and exp cannot overflow.
        weights = ((similarities - similarities[:, :1]) / temperature).exp()
        votes = F.one_hot(features.train_labels[neighbours], features.num_classes) * weights[:, :, None]
        correct += (votes.sum(dim=1).argmax(dim=1) == labels).sum()
    return 100.0 * correct.item() / len(features.test_labels)


@torch.no_grad()
def few_shot_accuracy(features: Features, *, num_labels: int, num_draws: int, generator: torch.Generator) -> float:
    """Return the top-1 accuracy in percent of nearest class centroids from a few labels, averaged over draws.

    Each draw picks ``num_labels`` training images a class without replacement. Features are scaled to unit length
    before they are averaged, centroids after, and a test image takes the class of the most similar centroid.

    Args:
        features: Training features give centroids, test features are classified.
        num_labels: Labelled images a class; at most the size of the smallest class.
        num_draws: Seeded draws.
        generator: CPU generator of the draws.
    """
    train, test = F.normalize(features.train), F.normalize(features.test)
    labels = features.train_labels.cpu()
    members = [(labels == label).nonzero().squeeze(1) for label in range(features.num_classes)]
    accuracies = []
    for _ in range(num_draws):
        drawn = [rows[torch.randperm(len(rows), generator=generator)[:num_labels]] for rows in members]
        labelled = train[torch.stack(drawn).to(train.device)]  # (classes, num_labels, F)
        centroids = F.normalize(labelled.mean(dim=1))
        predicted = (test @ centroids.T).argmax(dim=1)
        accuracies.append((predicted == features.test_labels).double().mean())
    return 100.0 * torch.stack(accuracies).mean().item()


@dataclass(frozen=True)
class ProbeSuite:
    """The probes of a trial: kNN during training, all of them after its last epoch.

    Attributes:
        extract: Computes the features of the encoder as it is.
        make_generator: Returns a fresh seeded CPU generator, the same one each time.
        epochs: Length of training.
        every: Epochs between kNN probes; 0: at the end only.
        knn_k: Neighbours.
        knn_temperature: Temperature of the neighbours' weights.
        few_shot_labels: Labelled images a class.
        few_shot_draws: Draws that are averaged.
        linear: The linear evaluation.
    """

    extract: Callable[[], Features]
    make_generator: Callable[[], torch.Generator]
    epochs: int
    every: int
    knn_k: int
    knn_temperature: float
    few_shot_labels: int
    few_shot_draws: int
    linear: LinearEvaluation

    def __call__(self, epochs_trained: int) -> dict[str, float]:
        """Return the metrics of the probes due after ``epochs_trained`` epochs, in percent; empty when none is due."""
        last = epochs_trained == self.epochs
        if not last and (self.every == 0 or epochs_trained % self.every):
            return {}
        features = self.extract()
        metrics = {"knn/top1": knn_accuracy(features, k=self.knn_k, temperature=self.knn_temperature)}
        if last:
            metrics["probe/few_shot_top1"] = few_shot_accuracy(
                features,
                num_labels=self.few_shot_labels,
                num_draws=self.few_shot_draws,
                generator=self.make_generator(),
            )
            metrics["probe/top1"] = self.linear(
                features.train,
                features.train_labels,
                features.test,
                features.test_labels,
                num_classes=features.num_classes,
                generator=self.make_generator(),
            )
        return metrics


def no_probe(_epochs_trained: int) -> dict[str, float]:
    """Return no metrics, because rank 0 probes for all ranks."""
    return {}
