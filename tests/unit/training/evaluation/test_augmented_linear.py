from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ftlab.training.evaluation.augmented_linear import AugmentedLinearEvaluation
from ftlab.training.evaluation.features import Features, percent_right


def make_generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def clouds(num_images: int, seed: int) -> tuple[Tensor, Tensor]:
    labels = torch.arange(num_images) % 3
    return torch.eye(3)[labels] + 0.1 * torch.randn(num_images, 3, generator=make_generator(seed)), labels


def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
    features, labels = clouds(96, 100 + epoch)
    yield from zip(features.split(32), labels.split(32), strict=True)


def test_it_agrees_with_a_loop_of_autograd() -> None:
    epochs, rate = 10, 0.5
    test, test_labels = clouds(50, 1)
    found = AugmentedLinearEvaluation(batches, epochs, rate)(
        Features(test[:0], test_labels[:0], test, test_labels, 3), make_generator(7)
    )
    linear = torch.nn.Linear(3, 3)
    linear.weight.data = torch.empty(3, 3).normal_(0.0, 0.01, generator=make_generator(7))
    linear.bias.data.zero_()
    optimizer = torch.optim.SGD(linear.parameters(), lr=rate, momentum=0.9)
    for epoch in range(epochs):
        optimizer.param_groups[0]["lr"] = rate * (1.0 if epoch < 6 else 0.1 if epoch < 8 else 0.01)
        for features, labels in batches(epoch):
            optimizer.zero_grad()
            F.cross_entropy(linear(features), labels).backward()
            optimizer.step()
    assert torch.equal(found[0], linear(test).argmax(dim=1) == test_labels)
    assert percent_right(found) == 100.0


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_few_epochs_are_no_error(epochs: int) -> None:
    test, labels = clouds(20, 1)
    found = AugmentedLinearEvaluation(batches, epochs)(Features(test, labels, test, labels, 3), make_generator())
    assert found.shape == (1, 20)
