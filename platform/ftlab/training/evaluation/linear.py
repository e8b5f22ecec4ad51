"""Linear evaluation of frozen features, each computed once: several learning rates, one chosen on held-out data."""

from dataclasses import dataclass
from math import cos, pi

import torch
from torch import Tensor
from torch.nn import functional as F

from ftlab.training.evaluation.features import Features


@dataclass(frozen=True)
class LinearEvaluation:
    """Train a linear classifier on frozen features by SGD with momentum and cosine decay.

    There is one classifier per learning rate, and all are trained together on the same batches. A seeded part of the
    training set is held out, and the learning rate that does best on it is chosen (the lowest on a tie). A classifier
    of that rate is then trained on all labels, and its answers on the test set are returned: the test set takes no part
    in the choice.

    Attributes:
        learning_rates: R learning rates; a single one needs no choice.
        epochs: Passes over the training features.
        batch_size: Features a step.
        holdout: Part of the training set that is held out for the choice, in (0, 1).
        sgd_momentum: Momentum of SGD.
    """

    learning_rates: tuple[float, ...]
    epochs: int
    batch_size: int
    holdout: float
    sgd_momentum: float = 0.9

    def __call__(self, features: Features, generator: torch.Generator) -> Tensor:
        """Return, (1, M), which test images are classified rightly.

        Args:
            features: Frozen features.
            generator: CPU generator of the held-out part and of the order of batches.
        """
        inputs, targets = _with_ones(features.train), F.one_hot(features.train_labels, features.num_classes)
        rate = self._choose(inputs, targets, features.train_labels, generator)
        weights = self._fit(inputs, targets, [rate], generator)
        return _right(_with_ones(features.test), features.test_labels, weights)

    def _choose(self, inputs: Tensor, targets: Tensor, labels: Tensor, generator: torch.Generator) -> float:
        rates = sorted(self.learning_rates)
        if len(rates) == 1:
            return rates[0]
        order = torch.randperm(len(inputs), generator=generator).to(inputs.device)
        num_held_out = max(1, int(self.holdout * len(inputs)))
        held_out, kept = order[:num_held_out], order[num_held_out:]
        weights = self._fit(inputs[kept], targets[kept], rates, generator)
        right = _right(inputs[held_out], labels[held_out], weights)
        return rates[int(right.double().mean(dim=1).argmax())]

    def _fit(self, inputs: Tensor, targets: Tensor, rates: list[float], generator: torch.Generator) -> Tensor:
        """Return the (R, F + 1, classes) weights of a classifier a rate, the last row being the bias."""
        steps = torch.tensor(rates, device=inputs.device).view(-1, 1, 1)  # (R, 1, 1)
        targets = targets.to(inputs.dtype)
        weights = inputs.new_zeros(len(rates), inputs.shape[1], targets.shape[1])
        velocity = torch.zeros_like(weights)
        for epoch in range(self.epochs):
            decay = 0.5 * (1.0 + cos(pi * epoch / self.epochs))
            order = torch.randperm(len(inputs), generator=generator).to(inputs.device)
            for rows in torch.split(order, self.batch_size):
                batch = inputs[rows]  # (n, F + 1)
                # The gradient of softmax cross-entropy in closed form: x^T (p - y) / n.
                errors = torch.matmul(batch, weights).softmax(dim=2) - targets[rows]  # (R, n, classes)
                velocity.mul_(self.sgd_momentum).add_(torch.matmul(batch.T, errors), alpha=1.0 / len(rows))
                weights -= decay * steps * velocity
        return weights


def _with_ones(features: Tensor) -> Tensor:
    # A column of ones makes the bias one more weight.
    return torch.cat([features, features.new_ones(len(features), 1)], dim=1)


def _right(inputs: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    return torch.matmul(inputs, weights).argmax(dim=2) == labels  # (R, n)
