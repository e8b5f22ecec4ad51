"""Linear evaluation as MoCo's authors do it: a random crop and flip of every image in every epoch."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ftlab.training.evaluation.features import Features

DROPS = (0.6, 0.8)  # parts of training after which the learning rate is a tenth of what it was
INITIAL_DEVIATION = 0.01

DrawBatches = Callable[[int], Iterable[tuple[Tensor, Tensor]]]


@dataclass(frozen=True)
class AugmentedLinearEvaluation:
    """Train a linear classifier on features of augmented images by SGD with momentum, its rate dropping in two steps.

    The protocol of arXiv 1911.05722, section 4.1: no weight decay, a learning rate of 30 that is not chosen, and
    features of a fresh random crop and flip of each image in each epoch.

    Attributes:
        draw_batches: Returns the (n, F) features and the (n,) labels of the batches of a 0-based epoch.
        epochs: Passes over the training images.
        learning_rate: Learning rate of the first epoch.
        sgd_momentum: Momentum of SGD.
    """

    draw_batches: DrawBatches
    epochs: int
    learning_rate: float = 30.0
    sgd_momentum: float = 0.9

    @torch.enable_grad()
    def __call__(self, features: Features, generator: torch.Generator) -> Tensor:
        """Return, (1, M), which test images are classified rightly.

        Args:
            features: Frozen features; of the training images, only their number of dimensions is used.
            generator: CPU generator of the first weights.
        """
        size = (features.num_classes, features.test.shape[1])
        first = torch.empty(size).normal_(0.0, INITIAL_DEVIATION, generator=generator)
        weights = nn.Parameter(first.to(features.test.device))
        bias = nn.Parameter(features.test.new_zeros(features.num_classes))
        optimizer = torch.optim.SGD([weights, bias], lr=self.learning_rate, momentum=self.sgd_momentum)
        for epoch in range(self.epochs):
            drops = sum(epoch >= round(part * self.epochs) for part in DROPS)
            optimizer.param_groups[0]["lr"] = self.learning_rate * 0.1**drops
            for batch, labels in self.draw_batches(epoch):
                optimizer.zero_grad(set_to_none=True)
                F.cross_entropy(F.linear(batch, weights, bias), labels).backward()
                optimizer.step()
        predicted = F.linear(features.test, weights.detach(), bias.detach()).argmax(dim=1)
        return (predicted == features.test_labels)[None]
