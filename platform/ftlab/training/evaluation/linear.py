"""Linear evaluation of frozen features: train several learning rates at once and choose one on held-out data."""

from dataclasses import dataclass
from math import cos, pi

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class LinearEvaluation:
    """Train a linear classifier on frozen features by SGD with momentum and cosine decay.

    There is one classifier per learning rate, and all are trained together on the same batches. A seeded part of the
    training set is held out, the classifier that does best on it is chosen (the lowest learning rate on a tie), and
    only its accuracy on the test set is reported: the test set takes no part in the choice.

    Attributes:
        learning_rates: R learning rates.
        epochs: Passes over the kept training features.
        batch_size: Features a step.
        holdout: Part of the training set that is held out, in (0, 1).
        sgd_momentum: Momentum of SGD.
    """

    learning_rates: tuple[float, ...]
    epochs: int
    batch_size: int
    holdout: float
    sgd_momentum: float = 0.9

    def __call__(
        self,
        train: Tensor,
        train_labels: Tensor,
        test: Tensor,
        test_labels: Tensor,
        *,
        num_classes: int,
        generator: torch.Generator,
    ) -> float:
        """Return the top-1 test accuracy in percent.

        Args:
            train: (N, F) float32.
            train_labels: (N,) int64.
            test: (M, F) float32.
            test_labels: (M,) int64.
            num_classes: Number of classes.
            generator: CPU generator of the held-out part and of the order of batches.
        """
        order = torch.randperm(len(train), generator=generator).to(train.device)
        num_held_out = max(1, int(self.holdout * len(train)))
        held_out, kept = order[:num_held_out], order[num_held_out:]
        weights, biases = self._fit(train[kept], train_labels[kept], num_classes, generator)
        chosen = _accuracies(train[held_out], train_labels[held_out], weights, biases).argmax()
        accuracy = _accuracies(test, test_labels, weights[chosen : chosen + 1], biases[chosen : chosen + 1])
        return 100.0 * accuracy.item()

    def _fit(
        self, features: Tensor, labels: Tensor, num_classes: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        num_rates = len(self.learning_rates)
        rates = torch.tensor(sorted(self.learning_rates), device=features.device).view(-1, 1, 1)  # (R, 1, 1)
        targets = F.one_hot(labels, num_classes).to(features.dtype)  # (N, classes)
        # A column of ones makes the bias one more weight.
        inputs = torch.cat([features, features.new_ones(len(features), 1)], dim=1)  # (N, F + 1)
        weights = inputs.new_zeros(num_rates, inputs.shape[1], num_classes)
        velocity = torch.zeros_like(weights)
        for epoch in range(self.epochs):
            decay = 0.5 * (1.0 + cos(pi * epoch / self.epochs))
            order = torch.randperm(len(inputs), generator=generator).to(inputs.device)
            for rows in torch.split(order, self.batch_size):
                batch = inputs[rows]  # (n, F + 1)
                # The gradient of softmax cross-entropy in closed form: x^T (p - y) / n.
                errors = torch.matmul(batch, weights).softmax(dim=2) - targets[rows]  # (R, n, classes)
                velocity.mul_(self.sgd_momentum).add_(torch.matmul(batch.T, errors), alpha=1.0 / len(rows))
                weights -= decay * rates * velocity
        return weights[:, :-1], weights[:, -1:]


def _accuracies(features: Tensor, labels: Tensor, weights: Tensor, biases: Tensor) -> Tensor:
    predicted = (torch.matmul(features, weights) + biases).argmax(dim=2)  # (R, n)
    return (predicted == labels).double().mean(dim=1)
