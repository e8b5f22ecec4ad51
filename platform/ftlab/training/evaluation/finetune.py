"""Fine-tuning: the whole network is trained on the labelled images, at a rate chosen on held-out training images."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from math import cos, pi

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ftlab.encoders.batch_norm import GroupedBatchNorm
from ftlab.training.evaluation.features import Features
from ftlab.training.sgd import SGD

DrawViews = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class FinetuneEvaluation:
    """Train a copy of an encoder and a new linear classifier on it by SGD with momentum and cosine decay.

    Every training image is seen as a random view in every epoch, and batches are normalised as a whole. A seeded part
    of the training set is held out, and the learning rate that does best on it is chosen (the lowest on a tie). A
    network of that rate is then trained on all labels, and its answers on the test set are returned: the test set takes
    no part in the choice. Choice and refit begin with the same weights: those of the encoder, and zeros.

    Attributes:
        backbone: Gives (n, F) features of (n, channels, H, W) images; it stays as it is.
        num_features: F.
        begin_views: Returns a function from (n,) rows of training images, on the CPU, to random views of them; it draws
            the same views in the same order each time it is begun.
        answer: Returns the answers of a network about training images of (n,) rows, or about all test images for None.
        learning_rates: Learning rates of all layers; a single one needs no choice.
        epochs: Passes over the training images.
        batch_size: Images a step; the last ones of an epoch that make no whole batch wait for the next.
        holdout: Part of the training set that is held out for the choice, in (0, 1).
        weight_decay: Weight decay of all parameters.
        sgd_momentum: Momentum of SGD.
    """

    backbone: nn.Module
    num_features: int
    begin_views: Callable[[], DrawViews]
    answer: Callable[[nn.Module, Tensor | None], Tensor]
    learning_rates: tuple[float, ...]
    epochs: int
    batch_size: int
    holdout: float
    weight_decay: float = 1e-4
    sgd_momentum: float = 0.9

    def __call__(self, features: Features, generator: torch.Generator) -> Tensor:
        """Return, (1, M), which test images are classified rightly.

        Args:
            features: Of the images, only their labels and the number of classes are used.
            generator: CPU generator of the held-out part and of the order of batches.
        """
        labels, rates = features.train_labels, sorted(self.learning_rates)
        order = torch.randperm(len(labels), generator=generator)
        num_held_out = max(1, int(self.holdout * len(order)))
        held_out, kept = order[:num_held_out], order[num_held_out:]

        def fit(rows: Tensor, rate: float) -> nn.Module:
            network = self._network(features.num_classes, labels.device)
            self._train(network, labels, rows, rate, generator)
            return network

        def held_out_accuracy(rate: float) -> float:
            return (self.answer(fit(kept, rate), held_out) == labels[held_out.to(labels.device)]).double().mean().item()

        # The first of equal ones is the lowest.
        rate = rates[0] if len(rates) == 1 else max(rates, key=held_out_accuracy)
        return (self.answer(fit(order, rate), None) == features.test_labels)[None]

    def _network(self, num_classes: int, device: torch.device) -> nn.Module:
        backbone = deepcopy(self.backbone).requires_grad_(True)
        for module in backbone.modules():
            if isinstance(module, GroupedBatchNorm):
                module.merge_groups()
        classifier = nn.Linear(self.num_features, num_classes, device=device)
        for parameter in classifier.parameters():
            nn.init.zeros_(parameter)
        return nn.Sequential(backbone, classifier)

    @torch.enable_grad()
    def _train(self, network: nn.Module, labels: Tensor, rows: Tensor, rate: float, generator: torch.Generator) -> None:
        network.train()
        optimizer = SGD(
            [{"params": list(network.parameters())}],
            lr=rate,
            momentum=self.sgd_momentum,
            weight_decay=self.weight_decay,
        )
        batch_size = min(self.batch_size, len(rows))
        num_rows, views = len(rows) - len(rows) % batch_size, self.begin_views()
        for epoch in range(self.epochs):
            optimizer.param_groups[0]["lr"] = rate * 0.5 * (1.0 + cos(pi * epoch / self.epochs))
            order = rows[torch.randperm(len(rows), generator=generator)]
            for batch in order[:num_rows].split(batch_size):
                optimizer.zero_grad()
                F.cross_entropy(network(views(batch)), labels[batch.to(labels.device)]).backward()
                optimizer.step()
